/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_CORE_VERSION_H
#define _VNP_CORE_VERSION_H

#define VNP_VERSION	"0.1.0"

#endif /* _VNP_CORE_VERSION_H */
