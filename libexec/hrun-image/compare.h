/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.h - what compare.c and compare_source.c share: a layer on disk, and its archive on the way.
 */
#ifndef HRUN_IMAGE_COMPARE_H
#define HRUN_IMAGE_COMPARE_H

#include "layer.h"
#include "split.h"

struct comparison {
	struct layers layers; /* the archive: its reader, limits, the entry's paths */
	struct layer_stream in;
	const struct descriptor *blob; /* the layer's; or NULL: its archive is made again, by: */
	struct split split;
	int files, tree;
	bool sums; /* a second time, to find out which file it is */
	struct tree_told told;
	unsigned char content[64 << 10]; /* of the file that is compared */
	struct refusal *r;
};

#define differs(c, ...) refuse((c)->r, IMAGE_STAGE_LAYER, __VA_ARGS__)

/* ---- compare_source.c: the archive of a layer, from its blob, or from the engine's RECORD of it (borrowed) and the files ---- */
/* c->in gives its bytes; source_close in any case. */
int source_open(struct comparison *c, int record);
void source_close(struct comparison *c);
/* The content of the entry, a file, is that of FD to its last byte; hashed as a part of the archive. */
int source_content(struct comparison *c, int fd);
/* The archive, read to its end, has the digest DIFF_ID, its blob the manifest's.  *ret_zero: only zeros were left to read. */
int source_finish(struct comparison *c, const struct digest *diff_id, bool *ret_zero);

#endif
