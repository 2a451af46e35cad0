/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign.c - hrun's half of a signature or a new key: hrun-sign gets descriptors and two digests, and gives back text.
 */
#include <hrun/fd.h>
#include <hrun/image_bundle.h>
#include <hrun/libexec.h>
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
	autofd int ours = -EBADF, pidfd = -EBADF;
	pid_t pid;

	TRY(libexec_run("hrun-sign", NULL, &ours, &pid, &pidfd, e));
	int r = converse(ours, request, fds, fd_count, ret, e);
	libexec_reap(pid, pidfd);
	return r;
}
