// SPDX-License-Identifier: GPL-2.0
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include "bench.h"

static DEFINE_MUTEX(bench_lock);

static long bench_frames_ioctl(void __user *arg)
{
	struct bench_frames frames;

	if (copy_from_user(&frames, arg, sizeof(frames)))
		return -EFAULT;
	return bench_nic_load(&frames);
}

static long bench_play_ioctl(void __user *arg)
{
	struct bench_play play;
	int ret;

	if (copy_from_user(&play, arg, sizeof(play)))
		return -EFAULT;
	ret = bench_nic_play(&play);
	if (!ret && copy_to_user(arg, &play, sizeof(play)))
		ret = -EFAULT;
	return ret;
}

static long bench_hook_ioctl(void __user *arg)
{
	int fd;

	if (copy_from_user(&fd, arg, sizeof(fd)))
		return -EFAULT;
	return bench_hook_attach(fd);
}

static long bench_fanout_ioctl(void __user *arg)
{
	struct bench_fanout fanout;

	if (copy_from_user(&fanout, arg, sizeof(fanout)))
		return -EFAULT;
	return bench_hook_fanout(&fanout);
}

static long bench_native_ioctl(void __user *arg)
{
	struct bench_native native;
	int ret;

	if (copy_from_user(&native, arg, sizeof(native)))
		return -EFAULT;
	ret = bench_native_run(&native);
	if (!ret && copy_to_user(arg, &native, sizeof(native)))
		ret = -EFAULT;
	return ret;
}

static long bench_crypt_ioctl(void __user *arg)
{
	struct bench_crypt crypt;
	int ret;

	if (copy_from_user(&crypt, arg, sizeof(crypt)))
		return -EFAULT;
	ret = bench_crypt_run(&crypt);
	if (!ret && copy_to_user(arg, &crypt, sizeof(crypt)))
		ret = -EFAULT;
	return ret;
}

static long bench_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *p = (void __user *)arg;
	long ret;

	mutex_lock(&bench_lock);
	switch (cmd) {
	case BENCH_FRAMES:
		ret = bench_frames_ioctl(p);
		break;
	case BENCH_PLAY:
		ret = bench_play_ioctl(p);
		break;
	case BENCH_HOOK:
		ret = bench_hook_ioctl(p);
		break;
	case BENCH_FANOUT:
		ret = bench_fanout_ioctl(p);
		break;
	case BENCH_NATIVE:
		ret = bench_native_ioctl(p);
		break;
	case BENCH_CRYPT:
		ret = bench_crypt_ioctl(p);
		break;
	default:
		ret = -ENOTTY;
	}
	mutex_unlock(&bench_lock);
	return ret;
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = bench_ioctl,
};

static struct miscdevice bench_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vnp_bench",
	.fops = &bench_fops,
};

static int __init bench_init(void)
{
	int ret = bench_nic_create();

	if (ret)
		return ret;
	bench_native_fill();
	ret = misc_register(&bench_device);
	if (ret)
		bench_nic_destroy();
	return ret;
}

static void __exit bench_exit(void)
{
	misc_deregister(&bench_device);
	bench_hook_destroy();
	bench_nic_destroy();
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_DESCRIPTION("Emulated card and reference programs of VNP's bench");
MODULE_LICENSE("GPL");
