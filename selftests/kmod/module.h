/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loading and removing the module, as root.  $VNP_MODULE is the file it is loaded from.
 */
#ifndef _VNP_TEST_MODULE_H
#define _VNP_TEST_MODULE_H

/* module_remove() - as rmmod does, but without waiting; 0 or an errno */
int module_remove(void);

/* module_remove_soon() - the same; objects are freed shortly after their last descriptor */
int module_remove_soon(void);

/* module_load() - with these parameters, for group vnp, as the udev rule does */
int module_load(const char *params);

/* module_needed() - load it if a test that was killed has left none */
int module_needed(void);

#endif /* _VNP_TEST_MODULE_H */
