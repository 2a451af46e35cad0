/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.h - strict base64 (RFC 4648): alphabet, length, unused bits zero; nothing else in the text.
 */
#ifndef HRUN_BASE64_H
#define HRUN_BASE64_H

#include <stddef.h>
#include <sys/types.h>

/* LENGTH characters of TEXT to BYTES, which has room for LENGTH * 3 / 4.  How many bytes they are, or -EINVAL. */
ssize_t base64_read(const char *text, size_t length, unsigned char *bytes);
/* RFC 4648 section 5 without padding. */
ssize_t base64url_read(const char *text, size_t length, unsigned char *bytes);

#endif
