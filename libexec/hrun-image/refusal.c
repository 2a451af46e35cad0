/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusal.c - why an image is refused: the first reason counts.
 */
#include "image.h"
#include <errno.h>
#include <hrun/str.h>
#include <stdarg.h>
#include <stdio.h>

int(refuse)(struct refusal *r, enum image_stage stage, const char *format, ...)
{
	va_list list;

	if (r->reason[0])
		return -EBADMSG;
	r->verdict = IMAGE_REJECT;
	r->stage = stage;
	va_start(list, format);
	vsnprintf(r->reason, sizeof r->reason, format, list);
	va_end(list);
	/* Quotes of the image: no terminal shall obey them. */
	str_remove_controls(r->reason);
	if (!r->reason[0])
		memcpy(r->reason, "refused", sizeof "refused");
	return -EBADMSG;
}
