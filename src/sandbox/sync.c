/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync.c - the six frames.
 *
 * Both ends are hrun, but one of them may be a process that has already entered
 * a container: sizes and kinds are checked as if a stranger had sent them.
 */
#include <hrun/sync.h>
#include <hrun/unix.h>
#include <string.h>

int sync_send(int socket, enum sync_kind kind, const struct err *failure)
{
	struct sync_frame frame = {.kind = kind};

	if (failure)
		frame.failure = *failure;
	return unix_send(socket, &frame, sizeof frame, -1);
}

/* The text of another process: terminated, whatever it sent. */
static int failed(const struct sync_frame *frame, struct err *e)
{
	*e = frame->failure;
	e->text[sizeof e->text - 1] = '\0';
	if (e->errnum <= 0)
		e->errnum = EPROTO;
	return -e->errnum;
}

int sync_expect(int socket, enum sync_kind kind, struct err *e)
{
	struct sync_frame frame;
	ssize_t n = unix_receive(socket, &frame, sizeof frame, NULL);

	if (n == 0 || n == -ECONNRESET) {
		err_set(e, EPIPE, "%s", "");
		return -EPIPE;
	}
	if (n < 0)
		return err_set(e, (int)-n, "receive a frame: %s", strerrordesc_np((int)-n));
	if ((size_t)n != sizeof frame)
		return err_set(e, EPROTO, "receive a frame: %zd bytes instead of %zu", n, sizeof frame);
	if (frame.kind == SYNC_FAILED)
		return failed(&frame, e);
	if (frame.kind != kind)
		return err_set(e, EPROTO, "receive a frame: kind %u instead of %u", frame.kind, kind);
	return 0;
}
