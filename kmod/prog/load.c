// SPDX-License-Identifier: GPL-2.0
/* VNP_PROG_LOAD: a program is copied from user space, verified, lowered and compiled. */
#include "kmod/prog/prog.h"

#include <crypto/sha2.h>
#include <linux/capability.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "kmod/prog/account.h"
#include "kmod/core/args.h"
#include "kmod/prog/jit.h"
#include "kmod/path/dgram.h"
#include "kmod/map/map.h"
#include "kmod/core/memory.h"
#include "kmod/prog/log.h"
#include "kmod/core/user.h"
#include "vm/code.h"
#include "vm/helper.h"
#include "vm/report/log.h"
#include "vm/lower/lower.h"
#include "vm/analysis/type.h"

/*
 * A program that is not trusted must not read kernel memory speculatively.  Programs of users who
 * have a capability to read it anyway are trusted.
 */
bool vnp_prog_hardened(void)
{
	return !ns_capable_noaudit(&init_user_ns, CAP_PERFMON) &&
	       !ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

/**
 * struct vnp_load - a VNP_PROG_LOAD in progress
 * @attr:	arguments
 * @log:	the report
 * @code_attr:	arguments of vm/; its arrays are freed by vnp_load_free()
 * @map_fds:	descriptors of the program's maps
 */
struct vnp_load {
	const struct vnp_prog_load *attr;
	struct vnp_log log;
	struct vnp_code_attr code_attr;
	s32 *map_fds;
};

static int vnp_load_log_check(const struct vnp_prog_load *attr)
{
	if (attr->log_level > VNP_LOG_STATES ||
	    attr->log_size > VNP_LOG_SIZE_MAX)
		return -EINVAL;
	if (attr->log_level == VNP_LOG_QUIET && attr->log_size)
		return -EINVAL;
	return !attr->log_buf == !attr->log_size ? 0 : -EINVAL;
}

static int vnp_load_log_create(struct vnp_load *load)
{
	const struct vnp_prog_load *attr = load->attr;

	load->log.size = attr->log_size;
	load->log.level = attr->log_level;
	if (!attr->log_size)
		return 0;
	load->log.buf = vnp_memory(attr->log_size);
	return load->log.buf ? 0 : -ENOMEM;
}

/*
 * Copy the report to user space, also if the program was refused.  As this can fail, it is called
 * before others can find the program by its id.
 */
static int vnp_load_log_deliver(const struct vnp_load *load,
				struct vnp_prog_load __user *uattr)
{
	const struct vnp_log *log = &load->log;
	u32 want = log->level == VNP_LOG_QUIET ? 0 : log->len + 1;

	if (log->size) {
		u32 len = min(log->len, log->size - 1);

		log->buf[len] = '\0';
		if (copy_to_user(u64_to_user_ptr(load->attr->log_buf), log->buf,
				 len + 1))
			return -EFAULT;
	}
	return put_user(want, &uattr->log_len);
}

static int vnp_load_refuse(struct vnp_load *load, const char *what)
{
	vnp_log_print(&load->log, VNP_LOG_NORMAL, "%s.\n", what);
	return -EINVAL;
}

static void vnp_load_counts(struct vnp_load *load)
{
	const struct vnp_prog_load *attr = load->attr;
	struct vnp_code_attr *code = &load->code_attr;

	code->type = attr->type;
	code->insn_cnt = attr->insn_cnt;
	code->map_cnt = attr->map_cnt;
	code->source.line_info_cnt = attr->line_info_cnt;
	code->source.strings_len = attr->strings_len;
	code->log = &load->log;
}

static int vnp_load_check(struct vnp_load *load)
{
	const struct vnp_prog_load *attr = load->attr;
	int ret;

	if (attr->flags & ~VNP_PROG_F_HARDEN)
		return vnp_load_refuse(load, "Unknown bits are set in flags");
	if (attr->reserved)
		return vnp_load_refuse(load, "A reserved field is not zero");
	if (!vnp_obj_name_ok(attr->name))
		return vnp_load_refuse(load, "The name is not [A-Za-z0-9_.-], NUL-padded");
	ret = vnp_code_check_counts(&load->code_attr);
	if (ret)
		return ret;
	if (attr->budget > vnp_account_budget_max() && !capable(CAP_SYS_ADMIN)) {
		vnp_log_print(&load->log, VNP_LOG_NORMAL,
			      "A budget above %u requires CAP_SYS_ADMIN.\n",
			      vnp_account_budget_max());
		return -EPERM;
	}
	return 0;
}

static int vnp_load_array(void *to, u64 ptr, u32 cnt, size_t size)
{
	void *array = vnp_args_array(ptr, cnt, size);

	if (IS_ERR(array))
		return PTR_ERR(array);
	*(void **)to = array;
	return 0;
}

static int vnp_load_copy(struct vnp_load *load)
{
	const struct vnp_prog_load *attr = load->attr;
	struct vnp_code_attr *code = &load->code_attr;
	struct vnp_source *source = &code->source;
	int ret;

	code->harden = attr->flags & VNP_PROG_F_HARDEN || vnp_prog_hardened();
	/* a budget of 0 would be the default, whatever the limit is */
	code->budget = attr->budget ?: clamp_t(u32, vnp_account_budget_max(), 1,
					       VNP_BUDGET_DEFAULT);
	code->key = get_random_u64();

	ret = vnp_load_array(&code->insns, attr->insns, attr->insn_cnt,
			     sizeof(*code->insns));
	if (!ret)
		ret = vnp_load_array(&load->map_fds, attr->map_fds,
				     attr->map_cnt, sizeof(*load->map_fds));
	if (!ret)
		ret = vnp_load_array(&source->line_info, attr->line_info,
				     attr->line_info_cnt,
				     sizeof(*source->line_info));
	if (!ret)
		ret = vnp_load_array(&source->strings, attr->strings,
				     attr->strings_len, 1);
	return ret;
}

static int vnp_load_maps(struct vnp_load *load, struct vnp_prog *prog)
{
	u32 cnt = load->attr->map_cnt;
	struct vnp_map_desc *descs;
	struct vnp_map *map;

	if (!cnt)
		return 0;

	prog->maps = kvcalloc(cnt, sizeof(*prog->maps), VNP_GFP_USER);
	descs = kvcalloc(cnt, sizeof(*descs), VNP_GFP_USER);
	load->code_attr.maps = descs;
	if (!prog->maps || !descs)
		return -ENOMEM;

	while (prog->map_cnt < cnt) {
		map = vnp_map_from_fd(load->map_fds[prog->map_cnt]);
		if (IS_ERR(map)) {
			vnp_log_print(&load->log, VNP_LOG_NORMAL,
				      "map_fds[%u] is not a map's descriptor: %d.\n",
				      prog->map_cnt,
				      load->map_fds[prog->map_cnt]);
			return PTR_ERR(map);
		}
		vnp_map_describe(map, &descs[prog->map_cnt]);
		prog->maps[prog->map_cnt++] = map;
	}
	return 0;
}

static void vnp_load_free(struct vnp_load *load)
{
	kvfree(load->code_attr.insns);
	kvfree(load->code_attr.maps);
	kvfree(load->code_attr.source.line_info);
	kvfree(load->code_attr.source.strings);
	kvfree(load->map_fds);
	kvfree(load->log.buf);
}

/* "Direct" is defined in prog.h. */
static bool vnp_prog_is_direct(const struct vnp_prog *prog)
{
	return prog->light_ns && !(prog->ctx_fields &
		 ~(VNP_CTX_BIT(data) | VNP_CTX_BIT(data_end))) &&
	       !prog->sees_packet && !prog->writes_packet && !prog->wide_ret &&
	       !prog->code->call_cnt;
}

/* The cost of metered programs is only bounded by their budget. */
static u32 vnp_prog_cost(const struct vnp_code *code)
{
	return code->loop_cnt || code->meter_cnt ? code->budget : code->prepaid;
}

/* The longest that a unit of its cost takes, in ns */
static u32 vnp_prog_unit_ns(const struct vnp_code *code)
{
	return VNP_ACCOUNT_UNIT_NS * (code->barrier_cnt ? VNP_ACCOUNT_BARRIER : 1);
}

static u64 vnp_prog_worst_ns(const struct vnp_code *code)
{
	return (u64)vnp_prog_cost(code) * vnp_prog_unit_ns(code) +
	       (code->harden ? VNP_ACCOUNT_EXIT_NS : 0);
}

/* Barriers against speculation are not charged, so with them the same budget takes longer. */
static int vnp_prog_check_barriers(const struct vnp_code *code, struct vnp_load *load)
{
	const u32 max = vnp_account_budget_max() / VNP_ACCOUNT_BARRIER;

	if (!code->barrier_cnt || vnp_prog_cost(code) <= max || capable(CAP_SYS_ADMIN))
		return 0;
	vnp_log_print(&load->log, VNP_LOG_NORMAL,
		      "The program has %u barriers against speculation: a budget above %u then requires CAP_SYS_ADMIN.\n",
		      code->barrier_cnt, max);
	return -EPERM;
}

static bool vnp_prog_calls(const struct vnp_code *code, u32 helper)
{
	u32 i;

	for (i = 0; i < code->lowered.cnt; i++)
		if (code->lowered.insns[i].code == (BPF_JMP | BPF_CALL) &&
		    code->lowered.insns[i].imm == helper)
			return true;
	return false;
}

/* Does it call a helper that moves the payload? */
static bool vnp_prog_moves(const struct vnp_code *code)
{
	const struct bpf_insn *insn = code->lowered.insns;
	u32 i;

	for (i = 0; i < code->lowered.cnt; i++, insn++)
		if (insn->code == (BPF_JMP | BPF_CALL) && vnp_helper_get(insn->imm) &&
		    vnp_helper_get(insn->imm)->moves_packet)
			return true;
	return false;
}

/* Does it call a helper that sends to peers? */
static bool vnp_prog_forwards(const struct vnp_code *code)
{
	return vnp_prog_calls(code, VNP_HELPER_send) ||
	       vnp_prog_calls(code, VNP_HELPER_send_group) ||
	       vnp_prog_calls(code, VNP_HELPER_send_sealed);
}

/* Its executions are timed: how long sending takes depends on the peers. */
static bool vnp_prog_sends(const struct vnp_code *code)
{
	return vnp_prog_forwards(code) || vnp_prog_calls(code, VNP_HELPER_reply);
}

/*
 * Does the program need a copy of each message?  What it sends to peers may refer to pages of the
 * message; answers are copied.
 */
static bool vnp_prog_needs_copy(const struct vnp_prog *prog)
{
	return prog->code->type == VNP_PROG_MESSAGE &&
	       (prog->writes_packet || vnp_prog_forwards(prog->code) ||
		vnp_prog_moves(prog->code));
}

static int vnp_prog_verify(struct vnp_prog *prog, struct vnp_load *load)
{
	u64 start = ktime_get_ns();
	int ret;

	ret = vnp_code_create(&load->code_attr, &prog->code);
	if (ret)
		return ret;
	ret = vnp_code_check(prog->code);
	if (!ret)
		ret = vnp_prog_check_barriers(prog->code, load);
	if (ret)
		return ret;
	prog->verify_ns = ktime_get_ns() - start;

	ret = vnp_lower(prog->code);
	if (ret)
		return ret;
	prog->code->log = NULL;
	prog->ctx_fields = prog->code->ctx_fields;
	prog->writes_packet = prog->code->writes_packet;
	prog->holds = prog->code->holds;
	prog->detour = prog->holds;
	prog->wide_ret = prog->code->lowered.wide_ret;
	prog->len_max = vnp_type_get(prog->code->type)->packet_max;
	prog->sees_packet = prog->code->type == VNP_PROG_PACKET;
	prog->sends = vnp_prog_sends(prog->code);
	prog->linear = vnp_prog_needs_copy(prog);
	prog->worst_ns = vnp_prog_worst_ns(prog->code);
	if (prog->sends && prog->code->type == VNP_PROG_DATAGRAM)
		prog->ctx_fields |= VNP_CTX_SENDS;
	else if (vnp_prog_cost(prog->code) <= VNP_ACCOUNT_LIGHT)
		prog->light_ns = prog->worst_ns;
	if (vnp_prog_is_direct(prog))
		prog->direct_max = prog->len_max + sizeof(struct udphdr);
	return 0;
}

/* Such a program's datagrams are dropped if they are not authentic, whatever it returns. */
static bool vnp_prog_authenticates(const struct vnp_code *code)
{
	return vnp_prog_calls(code, VNP_HELPER_open) ||
	       vnp_prog_calls(code, VNP_HELPER_mac_verify);
}

/* Context: the user's jit_lock */
static int vnp_prog_charge(struct bpf_prog *bpf, struct vnp_user *user,
			   struct vnp_load *load)
{
	int ret = vnp_user_jit_charge(user, vnp_jit_bytes(bpf));

	if (ret == -EDQUOT)
		vnp_log_print(&load->log, VNP_LOG_NORMAL,
			      "The native code takes %llu bytes, that of your other programs %llu, and the limit per user is %llu (parameter jit_user_max of the module).\n",
			      vnp_jit_bytes(bpf), (u64)atomic64_read(&user->jit_bytes),
			      vnp_user_jit_max());
	return ret;
}

/* Native code, charged to the user.  Return: ERR_PTR on errors */
static struct bpf_prog *vnp_prog_jit(struct vnp_prog *prog, struct vnp_load *load)
{
	struct vnp_user *user = prog->user;
	struct bpf_prog *bpf;
	int ret;

	if (mutex_lock_killable(&user->jit_lock))
		return ERR_PTR(-EINTR);
	bpf = vnp_jit_compile(prog->code);
	if (IS_ERR(bpf))
		goto unlock;
	ret = vnp_prog_charge(bpf, user, load);
	if (ret) {
		vnp_jit_free(bpf);
		bpf = ERR_PTR(ret);
	}
unlock:
	mutex_unlock(&user->jit_lock);
	return bpf;
}

static int vnp_prog_compile(struct vnp_prog *prog, struct vnp_load *load)
{
	struct vnp_user *user = vnp_user_get();
	struct bpf_prog *bpf;

	if (IS_ERR(user))
		return PTR_ERR(user);
	prog->user = user;
	if (vnp_prog_calls(prog->code, VNP_HELPER_log)) {
		prog->log = vnp_prog_log_create();
		if (!prog->log)
			return -ENOMEM;
	}

	bpf = vnp_prog_jit(prog, load);
	if (IS_ERR(bpf)) {
		if (PTR_ERR(bpf) == -EOPNOTSUPP)
			vnp_log_print(&load->log, VNP_LOG_NORMAL,
				      "The kernel's JIT does not compile it; see net.core.bpf_jit_enable.\n");
		return PTR_ERR(bpf);
	}
	prog->bpf = bpf;
	prog->func = vnp_prog_authenticates(prog->code) ? vnp_prog_authenticate :
							  bpf->bpf_func;
	return 0;
}

static void vnp_prog_tag(struct vnp_prog *prog)
{
	u8 digest[SHA256_DIGEST_SIZE];

	sha256((const u8 *)prog->code->loaded,
	       prog->code->loaded_cnt * sizeof(*prog->code->loaded), digest);
	memcpy(prog->tag, digest, sizeof(prog->tag));
}

static int vnp_prog_build(struct vnp_prog *prog, struct vnp_load *load)
{
	int ret;

	vnp_load_counts(load);
	ret = vnp_load_check(load);
	if (!ret)
		ret = vnp_load_copy(load);
	if (!ret)
		ret = vnp_load_maps(load, prog);
	if (!ret)
		ret = vnp_prog_verify(prog, load);
	if (!ret)
		ret = vnp_prog_compile(prog, load);
	if (ret)
		return ret;

	vnp_prog_tag(prog);
	prog->load_time = ktime_get_boottime_ns();
	return 0;
}

long vnp_prog_load(const struct vnp_prog_load *attr,
		   struct vnp_prog_load __user *uattr)
{
	struct vnp_load load = { .attr = attr };
	struct vnp_prog *prog;
	long ret;

	ret = vnp_load_log_check(attr);
	if (ret)
		return ret;
	prog = kzalloc(sizeof(*prog), VNP_GFP_USER);
	if (!prog)
		return -ENOMEM;
	vnp_obj_init(&prog->obj, &vnp_prog_obj_ops, attr->name);

	ret = vnp_load_log_create(&load);
	if (ret)
		goto put;
	ret = vnp_prog_build(prog, &load);
	if (vnp_load_log_deliver(&load, uattr))
		ret = -EFAULT;
	if (!ret)
		ret = vnp_obj_publish(&prog->obj);
	if (!ret)
		ret = vnp_obj_open(&prog->obj);
put:
	vnp_load_free(&load);
	vnp_prog_put(prog);
	return ret;
}
