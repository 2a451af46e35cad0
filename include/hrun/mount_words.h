/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_words.h - the words of mounts[].options (config.md#mounts) as bits of mount_setattr(2).
 */
#ifndef HRUN_MOUNT_WORDS_H
#define HRUN_MOUNT_WORDS_H

#include <stdbool.h>
#include <stdint.h>

enum word_effect {
	WORD_ATTR,	     /* bits of this mount */
	WORD_ATTR_RECURSIVE, /* bits of this mount and all below it */
	WORD_PROPAGATION,
	WORD_BIND,
	WORD_NOTHING,	 /* the default, or without meaning in the mount API */
	WORD_SUPERBLOCK, /* a flag for fsconfig(2); a bind mount has no superblock of its own */
	WORD_COPY_UP,
	WORD_IDMAP,
};

struct mount_word {
	const char *word;
	enum word_effect effect;
	uint64_t set, clear; /* WORD_PROPAGATION: the type; recursive */
};

/* NULL where the specification has no such word. */
const struct mount_word *mount_word_find(const char *text);

/* Is TEXT ("size=64m", "newinstance") one of the options of file system TYPE itself, or of SELinux? */
bool mount_data_is_known(const char *type, const char *text);

#endif
