/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.h - look-ups that cannot leave a root, and paths as text.
 *
 * openat2(2) with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS: symbolic links are
 * followed inside the root only, ".." stops at it, /proc magic links fail.
 */
#ifndef HRUN_PATH_H
#define HRUN_PATH_H

#include <hrun/err.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pool;

/* An owned O_PATH descriptor of PATH inside ROOT, or negative errno; *e is filled for every failure. */
int path_open_in_root(int root, const char *path, struct err *e);

/* As above with open(2) flags of the caller's choice (O_CLOEXEC is added) and further RESOLVE_* bits. */
int path_open_in_root_with(int root, const char *path, int flags, uint64_t resolve, struct err *e);

/*
 * Make PATH inside ROOT if it is missing: directories on the way (0755), and at its
 * end a directory (MODE, with DIRECTORY) or an empty regular file (MODE).  Every
 * step is an *at() call on a descriptor got by openat2 in ROOT.  Returns an
 * owned O_PATH descriptor of the end, made or found.
 */
int path_make_in_root(int root, const char *path, bool directory, mode_t mode, struct err *e);

/*
 * An owned O_PATH descriptor of an absolute host path, no magic links
 * (openat2 RESOLVE_NO_MAGICLINKS); the path itself may be a symbolic link unless
 * NOFOLLOW.
 */
int path_open_host(const char *path, bool nofollow, struct err *e);

/*
 * An owned O_PATH descriptor of the relative PATH, which may leave DIR neither by ".." nor by a link (-EXDEV), nor lead
 * through a magic link (-ELOOP); or negative errno.
 */
int path_open_beneath(int dir, const char *path);

/* Lexical cleaning: collapses "//" and "/./", drops a trailing "/"; ".." is kept.  "" becomes ".". */
char *path_clean(struct pool *pool, const char *path);

/* An absolute PATH cleaned, where each ".." takes the component before it along, as far as there is one. */
char *path_fold(struct pool *pool, const char *path);

/* Does PATH have a ".." component? */
bool path_has_dotdot(const char *path);

/* Is PATH equal to, or below, PARENT (both clean and absolute)? */
bool path_is_below(const char *path, const char *parent);

/* Does PATH equal its own lexical cleaning and hold no ".."? */
bool path_is_clean(const char *path);

#endif
