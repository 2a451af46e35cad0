/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keygen.c - a new pair of keys: FILE for who signs, FILE.pub for who trusts.
 *
 * A file that is there is never overwritten: the key in it may be the only one.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/cli_image.h>
#include <hrun/fd.h>
#include <hrun/image_bundle.h>
#include <hrun/str.h>
#include <hrun/whole_file.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static int read_type(const char *text, uint32_t *ret_key, struct err *e)
{
	static const char *const names[SIGN_KEYS] = {"p256", "p384", "p521", "ed25519", "rsa"};

	for (uint32_t i = 0; i < SIGN_KEYS; i++) {
		if (str_equal(text, names[i])) {
			*ret_key = i;
			return 0;
		}
	}
	return err_set(e, EINVAL, "option --type takes p256, p384, p521, ed25519 or rsa, not `%.50s`", text);
}

/* The directory of PATH, open for reading, and its last name. */
static int open_place(struct pool *pool, const char *path, const char **ret_name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *parent = slash ? pool_strndup(pool, path, (size_t)(slash - path) + 1) : ".";

	*ret_name = slash ? slash + 1 : path;
	if (!**ret_name)
		return err_set(e, EINVAL, "option --out: `%.200s` names no file", path);
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_errno(e, "open the directory of `%.200s`", path) : fd;
}

static int check_free(int dir, const char *name, struct err *e)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0
		       ? err_set(e, EEXIST, "%.200s exists; a key is never overwritten, choose another name", name)
		       : 0;
}

static int write_pair(int dir, const char *name, const char *public_name, const struct sign_answer *answer,
		      struct err *e)
{
	TRY(whole_file_write(dir, name, 0600, answer->text, answer->text_size, false, e));
	int r = whole_file_write(dir, public_name, 0644, answer->public_text, answer->public_size, false, e);
	if (r < 0)
		unlinkat(dir, name, 0);
	return r;
}

static int generate(struct command *command, const struct sign_request *request, const int *fds, struct err *e)
{
	struct sign_answer *answer = pool_alloc(&command->pool, sizeof *answer);
	const char *path = command->options.out, *name;
	autofd int dir = open_place(&command->pool, path, &name, e);

	TRY(dir);
	const char *public_name = pool_printf(&command->pool, "%s.pub", name);
	TRY(check_free(dir, name, e));
	TRY(check_free(dir, public_name, e));
	mlock(answer, sizeof *answer); /* as far as this user may */
	int r = bundle_sign(request, fds, request->has_passphrase, answer, e);
	if (r == 0)
		r = write_pair(dir, name, public_name, answer, e);
	explicit_bzero(answer->text, sizeof answer->text);
	if (r == 0)
		printf("%s.pub  key %.16s\n", path, answer->key_id);
	return r;
}

int cmd_keygen(struct command *command, struct err *e)
{
	const struct options *options = &command->options;
	struct sign_request request = {.version = SIGN_WIRE_VERSION, .task = SIGN_KEYGEN};
	int passphrase;

	if (!options->out)
		return err_set(e, EINVAL, "keygen needs --out FILE; see hrun keygen --help");
	TRY(read_type(options->key_type ? options->key_type : "p256", &request.key, e));
	TRY(passphrase_descriptor(options, &passphrase, e));
	TRY(hide_process(e));
	request.has_passphrase = passphrase >= 0;
	return generate(command, &request, &passphrase, e);
}
