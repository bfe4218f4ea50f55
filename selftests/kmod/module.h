/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loading and removing the module, as root.  $VNP_MODULE is the file it is loaded from.
 */
#ifndef _VNP_TEST_MODULE_H
#define _VNP_TEST_MODULE_H

/* module_remove() - as rmmod does, but without waiting; 0 or an errno */
int module_remove(void);

/* module_remove_soon() - likewise with retries: objects are freed asynchronously */
int module_remove_soon(void);

/* module_load() - load it and set the device's group to vnp, as the udev rule does */
int module_load(const char *params);

/* module_needed() - load it if a previous test has failed without it */
int module_needed(void);

#endif /* _VNP_TEST_MODULE_H */
