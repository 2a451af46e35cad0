/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send.h - records on their way to hrun-tree, gathered into large writes.  SIGPIPE must be ignored.
 */
#ifndef HRUN_IMAGE_SEND_H
#define HRUN_IMAGE_SEND_H

#include <hrun/tree_wire.h>
#include <stddef.h>

enum { SEND_BUFFER = 64 << 10 };

struct sender {
	int fd; /* negative: nothing is sent */
	size_t used;
	unsigned char buffer[SEND_BUFFER];
};

/* All three: 0 or negative errno. */
int send_bytes(struct sender *sender, const void *bytes, size_t size);
int send_record(struct sender *sender, struct tree_record record, const char *path, const void *extra,
		size_t extra_size);
int send_flush(struct sender *sender);

#endif
