/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope_wire.h - what hrun and hrun-scope say to each other: a transient unit of systemd as one struct, and its answer.
 *
 * hrun makes the request before anything happens (src/plan/scope.c) and opens the bus; hrun-scope, the only program with a D-Bus
 * library, gets both, and nothing else.  It is started with a SEQPACKET socket as descriptor 3.  Every message is one of these structs,
 * whole and of exactly this size; offsets and counts are checked by who receives them.  Both ends come from one build.
 */
#ifndef HRUN_SCOPE_WIRE_H
#define HRUN_SCOPE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SCOPE_WIRE_VERSION = 3,
	SCOPE_UNIT_SIZE = 256,	    /* UNIT_NAME_MAX of systemd, with the NUL */
	SCOPE_INVOCATION_SIZE = 33, /* 128 bits as lower case hexadecimal digits, with the NUL */
	SCOPE_NAME_SIZE = 48,
	SCOPE_PROPERTIES_MAX = 96,
	SCOPE_ITEMS_MAX = 512,
	SCOPE_TEXT_SIZE = 32768,
	SCOPE_CGROUP_SIZE = 4096,
	SCOPE_REASON_SIZE = 320,
};

enum scope_task {
	SCOPE_START, /* StartTransientUnit with hrun-scope itself inside; after its answer it stays there until the socket is closed */
	/* Of the unit with this invocation, whatever else has its name by now: */
	SCOPE_SET,  /* SetProperties, for as long as the unit lives */
	SCOPE_STOP, /* Stop and ResetFailed; a unit that is gone is no error */
	SCOPE_TASKS
};

/* The D-Bus type of a value. */
enum scope_type {
	SCOPE_BOOL,	 /* b: number */
	SCOPE_INT32,	 /* i: number */
	SCOPE_UINT32,	 /* u: number */
	SCOPE_UINT64,	 /* t: number */
	SCOPE_STRING,	 /* s: one item's first text */
	SCOPE_STRINGS,	 /* as: each item's first text */
	SCOPE_BYTES,	 /* ay: each item's number is one byte */
	SCOPE_PAIRS,	 /* a(ss): each item's texts */
	SCOPE_WITH_TEXT, /* a(st): each item's first text and its number */
	SCOPE_TYPES
};

struct scope_item {
	uint32_t first, second; /* where a text begins in `text` */
	uint64_t number;
};

struct scope_property {
	char name[SCOPE_NAME_SIZE];
	uint32_t type;
	uint32_t
		since; /* a systemd that is older does not know it: it is left out there, and the cgroup's file is what counts */
	uint32_t first_item, item_count;
	uint64_t number;
};

/* With one descriptor: a connected stream socket of a bus, or of systemd itself. */
struct scope_request {
	uint32_t version, task;
	uint32_t direct;     /* the peer is systemd itself and no bus: nobody says Hello */
	uint32_t timeout_ms; /* for everything together */
	char unit[SCOPE_UNIT_SIZE];
	char invocation[SCOPE_INVOCATION_SIZE]; /* "" for SCOPE_START */
	uint32_t property_count, item_count, text_size;
	struct scope_property properties[SCOPE_PROPERTIES_MAX];
	struct scope_item items[SCOPE_ITEMS_MAX];
	char text[SCOPE_TEXT_SIZE]; /* of texts, each with its NUL; the first one is "" */
};

struct scope_answer {
	uint32_t version;
	int32_t error;				/* 0 or a negative errno, then with a reason */
	uint32_t unchanged;			/* SCOPE_SET: nothing was, since systemd was not asked or has said no */
	uint32_t systemd;			/* its version; 0: not asked for */
	char cgroup[SCOPE_CGROUP_SIZE];		/* SCOPE_START: below the root of the hierarchy */
	char invocation[SCOPE_INVOCATION_SIZE]; /* SCOPE_START: which unit of that name this one is */
	char reason[SCOPE_REASON_SIZE];
};

/* Who changes a struct moves SCOPE_WIRE_VERSION, and this line. */
#if __SIZEOF_POINTER__ == 8
_Static_assert(sizeof(struct scope_request) == 48192 && sizeof(struct scope_answer) == 4468 && SCOPE_WIRE_VERSION == 3,
	       "the version of these structs");
#endif

#endif
