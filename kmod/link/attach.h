/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Creating links, and attaching them to sockets.
 *
 * Ownership: kmod/link/link.h.  The socket's side is the hook's (@attach and @detach of struct
 * vnp_hook_ops), which calls vnp_link_bind() and vnp_link_claim().
 */
#ifndef _VNP_LINK_ATTACH_H
#define _VNP_LINK_ATTACH_H

#include <linux/types.h>

struct file_operations;
struct sock;
struct socket;
struct vnp_hook_ops;
struct vnp_link;
struct vnp_link_create;
struct vnp_obj_ops;
struct vnp_prog;

extern const struct vnp_obj_ops vnp_link_obj_ops;

/* The operations on a link's descriptor: kmod/link/fops.c */
extern const struct file_operations vnp_link_fops;

/* vnp_link_create() - VNP_LINK_CREATE.  Context: process.  Return: descriptor or errno */
long vnp_link_create(const struct vnp_link_create *attr);

/**
 * vnp_link_bind() - begin the attachment
 * @link:	the link; gets references to the programs
 * @prog:	its program
 * @message:	the one for messages, or NULL
 * @sk:		the socket; gets a reference to the link
 *
 * Context: process, the socket's lock.
 */
void vnp_link_bind(struct vnp_link *link, struct vnp_prog *prog, struct vnp_prog *message,
		   struct sock *sk);

/**
 * vnp_link_claim() - end the attachment
 * @link:	the link
 *
 * Context: any but hard interrupts.
 * Return: true: the caller must undo it and put the socket's reference; false: it was
 * already ended.
 */
bool vnp_link_claim(struct vnp_link *link);

/**
 * vnp_link_inherit() - link an accepted connection like its listening socket
 * @listener:	that socket's link
 * @sk:		the connection
 *
 * It gets a link of its own, with the programs that @listener has now, its options and its owner.
 *
 * Context: process, the connection stays open.
 * Return: 0; -ENOLINK: @listener is detached; -ENOMEM; or another errno if it cannot be linked.
 */
int vnp_link_inherit(struct vnp_link *listener, struct sock *sk);

/* vnp_link_takes() - does the hook take programs of this type? */
bool vnp_link_takes(const struct vnp_hook_ops *hook, const struct vnp_prog *prog);

/**
 * vnp_link_bind_maps() - set the socket of a program's maps of peers that have none yet
 * @link:	the link
 * @prog:	the program
 * @sock:	the link's socket
 *
 * Context: process.
 * Return: 0, or an errno of VNP_LINK_CREATE.
 */
int vnp_link_bind_maps(const struct vnp_link *link, const struct vnp_prog *prog,
		       struct socket *sock);

#endif /* _VNP_LINK_ATTACH_H */
