/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign.c - hrun's half of a signature or a new key: hrun-sign gets descriptors and two digests, and gives back text.
 */
#include <hrun/fd.h>
#include <hrun/image_bundle.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <string.h>
#include <sys/socket.h>

static bool is_sound(struct sign_answer *answer)
{
	if (answer->version != SIGN_WIRE_VERSION || answer->error > 0 ||
	    !memchr(answer->reason, '\0', sizeof answer->reason) || answer->text_size > sizeof answer->text ||
	    answer->public_size > sizeof answer->public_text)
		return false;
	str_remove_controls(answer->reason);
	if (answer->error < 0)
		return true;
	return answer->text_size > 0 && memchr(answer->key_id, '\0', sizeof answer->key_id) &&
	       strlen(answer->key_id) == 64 && strspn(answer->key_id, "0123456789abcdef") == 64;
}

static int converse(int socket, const struct sign_request *request, const int *fds, size_t fd_count,
		    struct sign_answer *answer, struct err *e)
{
	int r = unix_send_all(socket, request, sizeof *request, fds, fd_count);

	if (r < 0)
		return err_set(e, -r, "hrun-sign does not take a request");
	if (unix_receive(socket, answer, sizeof *answer, NULL) != sizeof *answer)
		return err_set(e, EIO, "hrun-sign ended without an answer");
	if (!is_sound(answer))
		return err_set(e, EPROTO, "hrun-sign gave an answer that cannot be right");
	return answer->error < 0 ? err_set(e, -answer->error, "%s", answer->reason) : 0;
}

int bundle_sign(const struct sign_request *request, const int *fds, size_t fd_count, struct sign_answer *ret,
		struct err *e)
{
	const int buffer = 1 << 18;
	int pair[2];
	pid_t pid;

	autofd int program = image_program_open("hrun-sign", NULL, e);
	TRY(program);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, "make a socket for hrun-sign");
	autofd int ours = pair[0], theirs = pair[1], pidfd = -1;
	setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
	TRY(image_program_start(program, "hrun-sign", theirs, &pid, &pidfd, e));
	fd_close(&theirs);
	int r = converse(ours, request, fds, fd_count, ret, e);
	image_program_reap(pid, pidfd);
	return r;
}
