// SPDX-License-Identifier: GPL-2.0
#include "kmod/prog/prog.h"

#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kmod/core/args.h"
#include "kmod/prog/jit.h"
#include "kmod/map/map.h"
#include "kmod/core/memory.h"
#include "kmod/prog/log.h"
#include "kmod/core/user.h"
#include "vm/code.h"
#include "vm/report/dump.h"

static void vnp_prog_maps_put(struct vnp_prog *prog)
{
	while (prog->map_cnt)
		vnp_map_put(prog->maps[--prog->map_cnt]);
}

static void vnp_prog_release(struct vnp_obj *obj)
{
	struct vnp_prog *prog = container_of(obj, struct vnp_prog, obj);

	/*
	 * An execution may still be in progress, under RCU: like this program, its maps are
	 * freed after a grace period that begins after this.
	 */
	vnp_prog_maps_put(prog);
	if (prog->bpf)
		vnp_user_jit_release(prog->user, vnp_jit_bytes(prog->bpf));
}

static void vnp_prog_free(struct vnp_obj *obj)
{
	struct vnp_prog *prog = container_of(obj, struct vnp_prog, obj);
	u64 jit_bytes;

	if (prog->bpf) {
		jit_bytes = vnp_jit_bytes(prog->bpf);
		vnp_jit_free(prog->bpf);
		vnp_user_jit_uncharge(prog->user, jit_bytes);
	}
	if (prog->user)
		vnp_user_put(prog->user);
	vnp_prog_log_destroy(prog->log);
	vnp_code_destroy(prog->code);
	kvfree(prog->maps);
	kfree(prog);
}

struct vnp_prog *vnp_prog_from_fd(int fd)
{
	struct vnp_obj *obj = vnp_obj_from_fd(&vnp_prog_obj_ops, fd);

	return IS_ERR(obj) ? ERR_CAST(obj) :
			     container_of(obj, struct vnp_prog, obj);
}

/*
 * ---- Operations on descriptors --------------------------------------------
 */

static long vnp_prog_fop_info(struct file *file, void *args, void __user *uargs)
{
	struct vnp_prog *prog = file->private_data;
	const struct vnp_code *code = prog->code;
	struct vnp_prog_info *info = args;

	*info = (struct vnp_prog_info) {
		.size = info->size,
		.id = prog->obj.id,
		.type = code->type,
		.uid = vnp_obj_uid(&prog->obj),
		.insn_cnt = code->loaded_cnt,
		.lowered_cnt = code->lowered.cnt,
		.jited_len = prog->bpf->jited_len,
		.stack_size = code->lowered.stack_size,
		.budget = code->budget,
		.hardened = code->harden,
		.access_cnt = code->access_cnt,
		.guard_cnt = code->guard_cnt,
		.loop_cnt = code->loop_cnt,
		.map_cnt = prog->map_cnt,
		.load_time = prog->load_time,
		.verify_ns = prog->verify_ns,
	};
	memcpy(info->name, prog->obj.name, sizeof(info->name));
	memcpy(info->tag, prog->tag, sizeof(info->tag));
	return 0;
}

/* @len: in: bytes at @to; out: bytes available */
static int vnp_dump_copy(u64 to, u32 *len, const void *from, size_t size)
{
	u32 copy = min_t(size_t, *len, size);

	*len = size;
	return copy_to_user(u64_to_user_ptr(to), from, copy) ? -EFAULT : 0;
}

static int vnp_prog_dump_lowered(const struct vnp_prog *prog, u64 to, u32 *len)
{
	const struct vnp_lowered *low = &prog->code->lowered;
	const size_t size = array_size(low->cnt, sizeof(struct vnp_lowered_insn));
	struct vnp_lowered_insn *out;
	int ret;

	out = vnp_memory(size);
	if (!out)
		return -ENOMEM;

	vnp_lowered_dump(prog->code, out);
	ret = vnp_dump_copy(to, len, out, size);
	kvfree(out);
	return ret;
}

static int vnp_prog_dump_map_ids(const struct vnp_prog *prog, u64 to, u32 *len)
{
	u32 ids[VNP_MAPS_MAX];
	u32 i;

	for (i = 0; i < prog->map_cnt; i++)
		ids[i] = prog->maps[i]->obj.id;
	return vnp_dump_copy(to, len, ids, prog->map_cnt * sizeof(*ids));
}

static long vnp_prog_fop_dump(struct file *file, void *args, void __user *uargs)
{
	const struct vnp_prog *prog = file->private_data;
	const struct vnp_code *code = prog->code;
	struct vnp_prog_dump *dump = args;

	if (dump->reserved)
		return -EINVAL;

	switch (dump->what) {
	case VNP_DUMP_INSNS:
		return vnp_dump_copy(dump->buf, &dump->len, code->loaded,
				     array_size(code->loaded_cnt,
						sizeof(*code->loaded)));
	case VNP_DUMP_LOWERED:
		return vnp_prog_dump_lowered(prog, dump->buf, &dump->len);
	case VNP_DUMP_LINE_INFO:
		return vnp_dump_copy(dump->buf, &dump->len,
				     code->source.line_info,
				     array_size(code->source.line_info_cnt,
						sizeof(*code->source.line_info)));
	case VNP_DUMP_STRINGS:
		return vnp_dump_copy(dump->buf, &dump->len, code->source.strings,
				     code->source.strings_len);
	case VNP_DUMP_MAP_IDS:
		return vnp_prog_dump_map_ids(prog, dump->buf, &dump->len);
	default:
		return -EINVAL;
	}
}

static long vnp_prog_fop_run(struct file *file, void *args, void __user *uargs)
{
	return vnp_prog_test(file->private_data, args);
}

static const struct vnp_ioctl vnp_prog_ioctls[] = {
	{ VNP_PROG_INFO, sizeof(struct vnp_prog_info),
	  offsetofend(struct vnp_prog_info, tag), true, vnp_prog_fop_info },
	{ VNP_PROG_DUMP, sizeof(struct vnp_prog_dump),
	  offsetofend(struct vnp_prog_dump, reserved), true,
	  vnp_prog_fop_dump },
	{ VNP_PROG_RUN, sizeof(struct vnp_prog_run),
	  offsetofend(struct vnp_prog_run, ns), true, vnp_prog_fop_run },
};

static long vnp_prog_fop_ioctl(struct file *file, unsigned int cmd,
			       unsigned long arg)
{
	return vnp_ioctl_run(vnp_prog_ioctls, ARRAY_SIZE(vnp_prog_ioctls), file,
			     cmd, arg);
}

static ssize_t vnp_prog_fop_read(struct file *file, char __user *to, size_t cnt,
				 loff_t *pos)
{
	struct vnp_prog *prog = file->private_data;

	if (!prog->log)
		return 0;
	return vnp_prog_log_read(prog->log, file, to, cnt);
}

static __poll_t vnp_prog_fop_poll(struct file *file, poll_table *wait)
{
	struct vnp_prog *prog = file->private_data;

	if (!prog->log)
		return EPOLLIN | EPOLLRDNORM | EPOLLHUP;
	return vnp_prog_log_poll(prog->log, file, wait);
}

static const struct file_operations vnp_prog_fops = {
	.owner		= THIS_MODULE,
	.release	= vnp_obj_fop_release,
	.unlocked_ioctl	= vnp_prog_fop_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.read		= vnp_prog_fop_read,
	.poll		= vnp_prog_fop_poll,
};

struct vnp_prog vnp_prog_none = {
	.detour = true,
};

const struct vnp_obj_ops vnp_prog_obj_ops = {
	.kind		= VNP_OBJ_PROG,
	.name		= "vnp-prog",
	.fops		= &vnp_prog_fops,
	.release	= vnp_prog_release,
	.free		= vnp_prog_free,
};
