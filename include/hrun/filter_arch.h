/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_arch.h - the system call ABIs that a seccomp program may meet.
 */
#ifndef HRUN_FILTER_ARCH_H
#define HRUN_FILTER_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#define FILTER_X32_BIT UINT32_C(0x40000000) /* in the numbers of x32's calls */

/* AUDIT_ARCH_* of the machine that this program was built for. */
uint32_t filter_native_arch(void);
/* The other ABI that its kernel may run; 0: none. */
uint32_t filter_companion_arch(void);

/* "SCMP_ARCH_X86_64" -> libseccomp's token, 0 where it knows none of that name. */
uint32_t filter_arch(const char *word);
/* Is WORD an architecture of the specification, or one that libseccomp knows? */
bool filter_arch_is_known(const char *word);
/* The specification's word for filter_native_arch. */
const char *filter_native_arch_name(void);

#endif
