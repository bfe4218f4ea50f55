// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Text of others: what is valid stays, and nothing else does. */
#include <string.h>

#include "userlib/utf8.h"
#include "vm_util.h"

static void clean(const char *text, bool controls, const char *expected)
{
	char copy[64];

	strcpy(copy, text);
	utf8_clean(copy, strlen(copy), controls);
	assert_string_equal(expected, copy);
}

static void test_valid(void **state)
{
	static const char *const texts[] = {
		"", "return a < b;\t/* x */", "\u00e4\u00a0\u07ff", "\u0800\uac00\uf8ff\uffff",
		"\U00010000\U0010ffff",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		clean(texts[i], false, texts[i]);
		clean(texts[i], true, texts[i]);
	}
}

static void test_controls(void **state)
{
	static const struct { const char *text, *cleaned; } tries[] = {
		{ "\033[2J", "?[2J" }, { "a\nb\r", "a?b?" }, { "\x7f", "?" },
		{ "\xc2\x80\xc2\x9b", "????" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		clean(tries[i].text, false, tries[i].cleaned);
		clean(tries[i].text, true, tries[i].text);
	}
}

static void test_invalid(void **state)
{
	static const struct { const char *text, *cleaned; } tries[] = {
		{ "\xff", "?" }, { "\x80z", "?z" }, { "\xc3", "?" }, { "\xc3(", "?(" },
		{ "\xc0\xaf", "??" }, { "\xe0\x80\xaf", "???" }, { "\xed\xa0\x80", "???" },
		{ "\xf4\x90\x80\x80", "????" }, { "\xf0\x80\x80\x80", "????" },
		{ "\xe2\x82", "??" }, { "a\xf5z", "a?z" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		clean(tries[i].text, false, tries[i].cleaned);
		clean(tries[i].text, true, tries[i].cleaned);
	}
}

/* Several texts, one after the other, as the strings of a program */
static void test_zeroes(void **state)
{
	char text[] = "a\0\033\0\xc3";

	utf8_clean(text, sizeof(text), false);
	assert_memory_equal("a\0?\0?", text, sizeof(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_zeroes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
