/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drive.c - one verification without a policy file: what hrun would ask, from the command line.
 *
 *   drive [-r REF] [-p OS/ARCH] [-n NAME] [-d LIBEXEC] [-t SECONDS] [-u] [-N] [-D] [-x TARGET] [-S STORE [-m DIR]] LAYOUT [REQUIREMENT...]
 *   REQUIREMENT: cosign-key THRESHOLD IDENTITY-TYPE IDENTITY KEY... ";"
 *                notation LEVEL CA... "," TRUSTED-IDENTITY... ";"
 *
 * Prints the answer as JSON; exit status 4 where the layers were not read.  -u: unsigned is enough.  -N: device nodes are left out.  -D: the documents
 * only.  -x: unpacked into the directory TARGET.  -S: from the store, or into it; -m: and mounted on DIR.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_store.h>
#include <hrun/mnt.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const identities[] = {
	"any",		"matchExact", "matchRepoDigestOrExact", "matchRepository", "exactReference", "exactRepository",
	"remapIdentity"};

static _Noreturn void die(const char *text)
{
	fprintf(stderr, "drive: %s\n", text);
	exit(3);
}

static char *next(char ***word)
{
	if (!**word)
		die("the command line ends too early");
	return *(*word)++;
}

static void add_key(struct image_call *call, struct image_trust *trust, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || trust->key_count == IMAGE_KEYS_MAX || call->fd_count == IMAGE_FDS_MAX)
		die(path);
	if (!trust->key_count)
		trust->first_fd = (uint32_t)call->fd_count - 1;
	call->fds[call->fd_count++] = fd;
	const char *name = strrchr(path, '/');
	snprintf(trust->key_names[trust->key_count++], IMAGE_TEXT_SIZE, "%s", name ? name + 1 : path);
}

static void read_cosign(struct image_call *call, struct image_trust *trust, char ***word)
{
	trust->scheme = IMAGE_SCHEME_COSIGN_KEY;
	trust->threshold = (uint32_t)strtoul(next(word), NULL, 10);
	const char *identity = next(word), *value = next(word);
	for (uint32_t i = 0; i < sizeof identities / sizeof *identities; i++) {
		if (str_equal(identities[i], identity))
			trust->identity = i;
	}
	snprintf(trust->identity_value, sizeof trust->identity_value, "%s", value);
	while (!str_equal(**word, ";"))
		add_key(call, trust, next(word));
	++*word;
}

static void read_notation(struct image_call *call, struct image_trust *trust, char ***word)
{
	trust->scheme = IMAGE_SCHEME_NOTATION;
	trust->threshold = 1;
	trust->notation_level = str_equal(next(word), "strict") ? IMAGE_NOTATION_STRICT : IMAGE_NOTATION_PERMISSIVE;
	while (!str_equal(**word, ","))
		add_key(call, trust, next(word));
	++*word;
	while (!str_equal(**word, ";"))
		snprintf(trust->trusted_identities[trust->trusted_identity_count++], IMAGE_NAME_SIZE, "%s", next(word));
	++*word;
}

static void read_requirements(struct image_call *call, char **word)
{
	while (*word) {
		if (call->request.trust_count == IMAGE_TRUSTS_MAX)
			die("too many requirements");
		struct image_trust *trust = &call->request.trusts[call->request.trust_count++];
		char *scheme = next(&word);
		if (str_equal(scheme, "cosign-key"))
			read_cosign(call, trust, &word);
		else if (str_equal(scheme, "notation"))
			read_notation(call, trust, &word);
		else
			die("scheme not built");
	}
}

static void print_progress(void *context, const struct image_answer *answer)
{
	(void)context;
	fprintf(stderr, "%ju of %ju\n", (uintmax_t)answer->bytes_done, (uintmax_t)answer->bytes_total);
}

static void mount_root(int root, const char *path)
{
	struct err e;

	autofd int target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd int tree = image_store_mount(root, &e);
	if (target < 0 || tree < 0 || mnt_attach(tree, target, &e) < 0)
		die(e.text);
}

static void take_from_store(struct pool *pool, const char *path, const char *place, const struct image_call *call,
			    struct image_result *result)
{
	struct image_store store;
	struct err e;
	int root;

	if (image_store_open(pool, path, &store, &e) < 0 ||
	    image_store_take(pool, &store, call, NULL, result, &root, &e) < 0)
		die(e.text);
	if ((root >= 0) != (result->answer.verdict == IMAGE_ACCEPT))
		die("an answer without a root, or the other way round");
	if (root >= 0 && place)
		mount_root(root, place);
	fd_close(&root);
	image_store_close(&store);
}

int main(int argc, char **argv)
{
	static const int statuses[] = {0, 1, 2, 4};
	static struct image_call call;
	static struct image_result result;
	struct pool pool = {NULL};
	struct json_out out = {.pool = &pool};
	const char *platform = NULL, *store = NULL, *place = NULL;
	struct err e;
	int option, target = -1;

	image_request_default(&call.request);
	call.progress = print_progress;
	while ((option = getopt(argc, argv, "+r:p:n:d:t:uNDx:S:m:")) != -1) {
		if (option == 'r')
			snprintf(call.request.ref, sizeof call.request.ref, "%s", optarg);
		else if (option == 'n')
			snprintf(call.request.name, sizeof call.request.name, "%s", optarg);
		else if (option == 'p')
			platform = optarg;
		else if (option == 'd')
			call.program_dir = optarg;
		else if (option == 't')
			call.seconds = (unsigned int)strtoul(optarg, NULL, 10);
		else if (option == 'u')
			call.request.signatures_required = 0;
		else if (option == 'N')
			call.request.drop_devices = 1;
		else if (option == 'D')
			call.request.task = IMAGE_DOCUMENTS;
		else if (option == 'S')
			store = optarg;
		else if (option == 'm')
			place = optarg;
		else if (option == 'x')
			target = open(optarg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		else
			return 3;
	}
	if (optind >= argc)
		die("no layout");
	call.fds[0] = image_open_layout(argv[optind], &e);
	if (call.fds[0] < 0 || image_platform(&call.request, platform, &e) < 0)
		die(e.text);
	call.fd_count = 1;
	read_requirements(&call, argv + optind + 1);
	if (store)
		take_from_store(&pool, store, place, &call, &result);
	else if ((target < 0 ? image_verify(&pool, &call, &result, &e)
			     : image_unpack(&pool, &call, target, 0, &result, &e)) < 0)
		die(e.text);
	image_answer_write(&out, &result.answer);
	printf("%s\n", out.text);
	pool_free(&pool);
	return statuses[result.answer.verdict];
}
