// SPDX-License-Identifier: Apache-2.0
/*
 * send.c - see send.h.
 */
#include "send.h"
#include <hrun/fd.h>
#include <string.h>

int send_flush(struct sender *sender)
{
	size_t used = sender->used;

	sender->used = 0;
	return sender->fd < 0 || used == 0 ? 0 : fd_write_all(sender->fd, sender->buffer, used);
}

int send_bytes(struct sender *sender, const void *bytes, size_t size)
{
	if (sender->fd < 0 || size == 0)
		return 0;
	if (size > SEND_BUFFER - sender->used)
		TRY(send_flush(sender));
	if (size >= SEND_BUFFER)
		return fd_write_all(sender->fd, bytes, size);
	memcpy(sender->buffer + sender->used, bytes, size);
	sender->used += size;
	return 0;
}

int send_record(struct sender *sender, struct tree_record record, const char *path, const void *extra,
		size_t extra_size)
{
	record.magic = TREE_WIRE_MAGIC;
	record.path_size = (uint32_t)strlen(path);
	record.extra_size = (uint32_t)extra_size;
	TRY(send_bytes(sender, &record, sizeof record));
	TRY(send_bytes(sender, path, record.path_size));
	return send_bytes(sender, extra, extra_size);
}
