/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack.c - one verification whose files are written while they are hashed: hrun-image reads, hrun-tree writes, hrun believes
 * neither alone.
 *
 *     hrun-image ---- records, a pipe ----> hrun-tree ----> the target
 *
 * hrun keeps no end that either waits for: the reading one is closed before hrun-image starts, so that it learns of
 * hrun-tree's death; the writing one as soon as hrun-image has ended, so that hrun-tree learns of that.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image.h>
#include <hrun/libexec.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <hrun/tree_wire.h>
#include <hrun/unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIPE_BYTES = 1 << 20, MILLISECONDS = 1000, LAST_WORDS_SECONDS = 10, ERRNO_MAX = 4095 };

/* hrun-tree while it works. */
struct tree_run {
	pid_t pid;
	int pidfd, control; /* owned */
	int stream;	    /* owned: the records go in here */
};
#define TREE_RUN_EMPTY                                                          \
	{                                                                       \
		.pid = -1, .pidfd = -EBADF, .control = -EBADF, .stream = -EBADF \
	}

static void tree_end(struct tree_run *run)
{
	if (run->pid > 0)
		libexec_reap(run->pid, run->pidfd);
	fd_close(&run->pidfd);
	fd_close(&run->control);
	fd_close(&run->stream);
}
#define autotree __attribute__((cleanup(tree_end)))

static int send_request(int control, const struct image_request *limits, int target, int stream, uint32_t flags,
			struct err *e)
{
	const struct tree_request request = {
		.magic = TREE_WIRE_MAGIC,
		.task = TREE_APPLY,
		.flags = flags,
		.max_entries = limits->max_entries,
		.max_bytes = limits->max_total_bytes,
	};
	const int fds[] = {target, stream};

	int r = unix_send_all(control, &request, sizeof request, fds, sizeof fds / sizeof *fds);
	/* It has ended already: it gives no answer either, which is a refusal whenever it ends. */
	if (r == -EPIPE || r == -ECONNRESET)
		return 0;
	return r < 0 ? err_set(e, -r, "hrun-tree does not take a request; install hrun again") : 0;
}

static int tree_start(const struct image_call *call, int target, uint32_t flags, struct tree_run *run, struct err *e)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_errno(e, "make a pipe for hrun-tree");
	run->stream = pair[1];
	autofd int records = pair[0];
	/* More than the usual 64 KiB, or the two wait for each other; who may not have it is only slower. */
	fcntl(run->stream, F_SETPIPE_SZ, PIPE_BYTES);
	TRY(libexec_run("hrun-tree", call->program_dir, &run->control, &run->pid, &run->pidfd, e));
	return send_request(run->control, &call->request, target, records, flags, e);
}

static bool answer_is_sound(const struct tree_answer *a)
{
	return a->magic == TREE_WIRE_MAGIC && a->error <= 0 && a->error >= -ERRNO_MAX &&
	       memchr(a->reason, '\0', sizeof a->reason);
}

/* A whole answer of a program that then ended well, or failed as it says; false: it says nothing that counts. */
static bool take_answer(struct tree_run *run, unsigned int seconds, struct tree_answer *ret)
{
	fd_close(&run->stream);
	int waited = proc_pidfd_wait(run->pidfd, (int)seconds * MILLISECONDS);
	ssize_t n = waited < 0 ? waited : unix_receive(run->control, ret, sizeof *ret, NULL);
	int status = libexec_reap(run->pid, run->pidfd);

	run->pid = -1;
	if (n != sizeof *ret || !answer_is_sound(ret) || status < 0 || !WIFEXITED(status))
		return false;
	str_remove_controls(ret->reason);
	return (WEXITSTATUS(status) == 0) == (ret->error == 0);
}

/*
 * What hrun-image found before its records mattered is the reason.  Where it stopped at the records or found nothing,
 * hrun-tree's own reason counts; that the records ended (EPIPE) is only the echo of hrun-image's.
 */
static void judge(struct image_result *result, bool answered, const struct tree_answer *tree)
{
	const struct image_answer *image = &result->answer;
	bool accepted = image->verdict == IMAGE_ACCEPT;

#ifdef HRUN_MUTANT_UNPACK_BOTH
	return;
#endif
	if (!accepted && image->stage != IMAGE_STAGE_UNPACK)
		return;
	if (answered && (tree->error == 0 || (!accepted && tree->error == -EPIPE)))
		return;
	if (!answered)
		image_reject(result, IMAGE_STAGE_UNPACK,
			     "hrun-tree ended without an answer: the image counts as refused");
	else if ((result->target_full = tree->error == -ENOSPC || tree->error == -EDQUOT))
		image_reject(result, IMAGE_STAGE_UNPACK, "the target is full after %llu bytes of files",
			     (unsigned long long)tree->bytes);
	else
		image_reject(result, IMAGE_STAGE_UNPACK, "%.200s",
			     tree->reason[0] ? tree->reason : "the files cannot be written");
}

int image_unpack(struct pool *pool, const struct image_call *call, int target, uint32_t flags, struct image_result *ret,
		 struct err *e)
{
	struct image_call *unpack = pool_alloc(pool, sizeof *unpack);
	autotree struct tree_run run = TREE_RUN_EMPTY;
	struct tree_answer answer = {0};

	*unpack = *call;
	if (call->fd_count == 0 || call->fd_count >= IMAGE_FDS_MAX)
		return err_set(e, EINVAL, "too many keys for one image");
	unpack->request.task = IMAGE_UNPACK;
	memmove(unpack->fds + 2, unpack->fds + 1, (call->fd_count - 1) * sizeof *unpack->fds);
	unpack->fd_count++;
	if (call->request.drop_devices)
		flags |= TREE_DROP_DEVICES;
	TRY(tree_start(call, target, flags, &run, e));
	unpack->fds[1] = run.stream;
	TRY(image_verify(pool, unpack, ret, e));
	unsigned int seconds = call->seconds ? call->seconds : IMAGE_SECONDS;
	bool answered = take_answer(&run, ret->answer.verdict == IMAGE_ACCEPT ? seconds : LAST_WORDS_SECONDS, &answer);
	judge(ret, answered, &answer);
	ret->entries = answer.entries;
	ret->bytes = answer.bytes;
	return 0;
}
