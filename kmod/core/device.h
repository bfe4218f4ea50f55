/* SPDX-License-Identifier: GPL-2.0 */
/* /dev/vnp, on which objects are created and listed. */
#ifndef _VNP_CORE_DEVICE_H
#define _VNP_CORE_DEVICE_H

/* Context: process, at module init and exit */
int vnp_device_create(void);
void vnp_device_destroy(void);

#endif /* _VNP_CORE_DEVICE_H */
