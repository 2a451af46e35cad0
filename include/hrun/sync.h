/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync.h - the six frames between the runtime (R), the container's init (I) and
 * `start` (S).  One SOCK_SEQPACKET socket, one struct, always sent whole; an unexpected
 * kind is fatal.  The numbers stand on both sides: grep '1 MAPPED' src/.
 */
#ifndef HRUN_SYNC_H
#define HRUN_SYNC_H

#include <hrun/err.h>
#include <stdint.h>

enum sync_kind {
	SYNC_MAPPED = 1,  /* R -> I  ids are mapped: become root of the new user namespace */
	SYNC_MOUNTED = 2, /* I -> R  the root is attached and filled, still writable */
	SYNC_PIVOT = 3,	  /* R -> I  runtime hooks have run: close the root, drop everything */
	SYNC_READY = 4,	  /* I -> R  powerless, waiting for START */
	SYNC_START = 5,	  /* S -> I  execute the program */
	SYNC_FAILED = 6,  /* I -> R or S, with the reason */
};

struct sync_frame {
	uint32_t kind;
	uint32_t reserved;  /* 0 */
	struct err failure; /* SYNC_FAILED; else zero */
};

/* Send one frame; FAILURE is NULL but for SYNC_FAILED.  0 or negative errno. */
int sync_send(int socket, enum sync_kind kind, const struct err *failure);

/*
 * Receive one frame, which must be of KIND: 0.  A FAILED frame: its error is *e.
 * EOF: -EPIPE with an empty text in *e (the other side has died, or has executed).
 */
int sync_expect(int socket, enum sync_kind kind, struct err *e);

#endif
