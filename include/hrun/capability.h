/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capability.h - capabilities by exact name (capabilities(7)).
 */
#ifndef HRUN_CAPABILITY_H
#define HRUN_CAPABILITY_H

enum { CAPABILITY_COUNT = 41 };

/* The number of "CAP_CHOWN" and so on, or -ENOENT. */
int capability_number(const char *name);
/* "CAP_?" for a number that is none. */
const char *capability_name(int capability);

#endif
