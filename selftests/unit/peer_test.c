// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Peers as text: what was printed can be parsed, and invalid text is refused. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vnp/libvnp.h"
#include "vm_util.h"

static void no_message(void *ctx, enum vnp_print_level level, const char *line)
{
	(void)ctx, (void)level, (void)line;
}

static const struct vnp_open_opts quiet = { .sz = sizeof(quiet), .print = no_message };

static void test_addresses(void **state)
{
	static const struct { const char *text, *printed; } tries[] = {
		{ "192.0.2.1:5004", "192.0.2.1:5004" },
		{ "0.0.0.0:1", "0.0.0.0:1" },
		{ "[2001:db8::1]:65535", "[2001:db8::1]:65535" },
		{ "[2001:DB8:0::1]:7", "[2001:db8::1]:7" },
		{ "[::ffff:192.0.2.1]:5004", "[::ffff:192.0.2.1]:5004" },
		{ "[fe80::1%lo]:5004", "[fe80::1%lo]:5004" },
		{ "[fe80::1%1]:5004", "[fe80::1%lo]:5004" },
		{ "[192.0.2.1]:5004", "192.0.2.1:5004" },
	};
	char text[VNP_PEER_TEXT_LEN];
	struct vnp_peer peer;

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		memset(&peer, 0xff, sizeof(peer));
		assert_int_equal(0, vnp_peer_parse(tries[i].text, NULL, &peer));
		assert_string_equal(tries[i].printed, vnp_peer_print(&peer, text));
	}
}

/* All fields, as the kernel expects them */
static void test_fields(void **state)
{
	struct vnp_peer peer, expected = {
		.family = AF_INET6, .port = 5004, .scope_id = 1,
		.ip6 = { htonl(0xfe800000), 0, 0, htonl(1) },
	};

	memset(&peer, 0xff, sizeof(peer));
	assert_int_equal(0, vnp_peer_parse("[fe80::1%lo]:5004", &quiet, &peer));
	assert_memory_equal(&expected, &peer, sizeof(peer));
	expected = (struct vnp_peer){
		.family = AF_INET, .port = 5004, .ip4 = htonl(INADDR_LOOPBACK),
	};
	assert_int_equal(0, vnp_peer_parse("127.0.0.1:5004", &quiet, &peer));
	assert_memory_equal(&expected, &peer, sizeof(peer));
}

static void test_refused(void **state)
{
	static const char *const tries[] = {
		"", ":", ":5004", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536",
		"192.0.2.1:99999999999", "192.0.2.1:+1", "192.0.2.1: 1", "192.0.2.1:1x",
		"192.0.2.1:-1", "2001:db8::1:5004", "[2001:db8::1]", "[2001:db8::1:5004",
		"2001:db8::1]:5004", "[]:5004", "[:5004",
	};
	char text[300];
	struct vnp_peer peer;

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++)
		assert_int_equal(-EINVAL, vnp_peer_parse(tries[i], &quiet, &peer));
	memset(text, 'a', sizeof(text));
	strcpy(text + sizeof(text) - 5, ":504");
	assert_int_equal(-EINVAL, vnp_peer_parse(text, &quiet, &peer));
}

static void test_names(void **state)
{
	struct vnp_peer peer;

	assert_int_equal(0, vnp_peer_parse("localhost:5004", &quiet, &peer));
	assert_true(peer.family == AF_INET ? peer.ip4 == htonl(INADDR_LOOPBACK) :
		    peer.ip6[3] == htonl(1));
	/* Without a resolver the name lookup fails temporarily. */
	assert_in_set((-vnp_peer_parse("none.invalid:5004", &quiet, &peer)),
		      ((const LargestIntegralType[]){ ENOENT, EAGAIN }), 2);
}

/* An interface that does not exist here is printed as a number. */
static void test_scope(void **state)
{
	const struct vnp_peer peer = {
		.family = AF_INET6, .port = 1, .scope_id = 4000000000,
		.ip6 = { htonl(0xfe800000), 0, 0, htonl(1) },
	};
	char text[VNP_PEER_TEXT_LEN];

	assert_string_equal("[fe80::1%4000000000]:1", vnp_peer_print(&peer, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
