/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli_creation.h - a new container, from its bundle or image to the end of its program.  Where all of create and run come together.
 */
#ifndef HRUN_CLI_CREATION_H
#define HRUN_CLI_CREATION_H

#include <hrun/bundle.h>
#include <hrun/cli.h>
#include <hrun/container.h>
#include <hrun/image.h>
#include <hrun/plan.h>
#include <hrun/policy.h>
#include <hrun/sandbox.h>
#include <hrun/verdict.h>
#include <stdbool.h>
#include <sys/types.h>

/* ---- notify.c: sd_notify(3) between the program and who started hrun ---- */
struct notify {
	int socket;	  /* owned: the program's messages arrive here; -1: none */
	const char *host; /* the address of who waits for READY=1 */
};
#define NOTIFY_EMPTY          \
	{                     \
		.socket = -1, \
	}
/* create: a directory for the socket in the state directory, seen by the container, and its environment. */
int notify_prepare(struct pool *pool, struct container *container, struct plan *plan, struct err *e);
/* start: listen, where there is somebody to tell and the container was created for it. */
int notify_listen(const struct container *container, struct notify *ret, struct err *e);
/* A message is there: pass READY=1 on, with the process id of init, and close the socket then. */
void notify_receive(struct notify *notify, pid_t pid);
/* Detached: wait until the program is ready or init has ended. */
int notify_wait(struct notify *notify, const struct container *container, struct err *e);

/* ---- creation.c: bundle -> verdict -> plan -> container ---- */
struct creation {
	struct policy policy;
	struct bundle bundle;
	/* Accepted: of a layout, of the root that an engine has mounted, or of the bundle itself; NULL: a bundle of which nothing is known. */
	const struct image_answer *image;
	bool image_signed; /* as the policy asks */
	struct verdict verdict;
	const struct config *config; /* hardened */
	struct plan plan;
	struct container container;
	struct sandbox sandbox;
	bool starts;	      /* run: what is built is started by us */
	struct notify notify; /* of run */
};
/* Reads, judges and plans; nothing on the machine changes. */
int creation_prepare(struct command *command, bool look_only, struct creation *creation, struct err *e);
/* The directory NAME for what is remembered from start to start; NULL where there is no place for it. */
const char *creation_cache(struct pool *pool, const char *name);
/* Where the hrun that is called so keeps what it believes later: --root or the usual place, and the caches.  The strings are the pool's. */
struct string_list creation_own_paths(struct command *command);

/* What `create` does.  CONSOLE -1: connect to --console-socket where the plan has a terminal. */
int creation_build(struct command *command, int console, struct creation *creation, struct err *e);
/* Undo a build: process, cgroup, state directory; poststop hooks where other hooks had their turn. */
void creation_undo(struct pool *pool, struct creation *creation);
/* The command is about to end. */
void creation_end(struct creation *creation);

#define CREATION_EMPTY                                                                                 \
	{                                                                                              \
		.bundle = {.dir = -1, .rootfs = -1}, .container = {.root = -1, .dir = -1, .lock = -1}, \
		.sandbox = SANDBOX_EMPTY, .notify = NOTIFY_EMPTY,                                      \
	}

/* ---- creation_image.c ---- */
/*
 * The bundle of an image: verified as the policy asks while it is unpacked into memory.  -EPERM where it is rejected; -EINVAL with
 * ret_error->rule set as bundle_open.
 */
int creation_image(struct command *command, const struct target *target, struct creation *creation,
		   struct json_error *ret_error, struct err *e);
/* Who signed the image: keys and what they signed it as; NULL where nobody was asked for. */
const char *creation_signer(struct pool *pool, const struct creation *creation);
/* ANSWER accepts the image, or is NULL; IS_SIGNED as the policy asks.  Said in the audit record as well. */
void creation_take_image(struct command *command, struct creation *creation, const struct image_answer *answer,
			 bool is_signed);
/* The image's members of the record. */
void creation_record_image(struct pool *pool, const struct creation *creation, struct container_record *record);

/* ---- creation_store.c ---- */
/*
 * The root of CALL's image out of STORE, or unpacked into it (image_store_take).  *ret_mount is an owned, detached, read-only mount
 * where the answer is IMAGE_ACCEPT, with everything that the container's mounts need to be there.
 */
struct image_store;
int creation_store(struct pool *pool, const struct image_store *store, const struct image_call *call,
		   const struct string_list *args, struct image_result *ret, int *ret_mount, struct err *e);

/* ---- foreground.c: hrun stays with the program ---- */
struct foreground {
	int pair[2]; /* console socket: ours, the sandbox's */
	int master;  /* of the pty, or -1 */
};
#define FOREGROUND_EMPTY                       \
	{                                      \
		.pair = {-1, -1}, .master = -1 \
	}
int foreground_open(struct foreground *foreground, bool terminal, struct err *e);
/* From now on signals are for the program: call when it exists, before it runs. */
int foreground_hold_signals(struct err *e);
/* Relay until it ends; its exit code, 128 + signal, or negative errno. */
int foreground_wait(struct foreground *foreground, const struct sandbox *sandbox, struct notify *notify, struct err *e);
void foreground_close(struct foreground *foreground);

#endif
