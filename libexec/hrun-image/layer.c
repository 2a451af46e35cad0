// SPDX-License-Identifier: Apache-2.0
/*
 * layer.c - layers in order: decompressed, hashed on both sides, read as archives, sent as records.
 *
 * An archive that cannot be read may be one that somebody has changed: then the digests say so, and theirs is the reason
 * that is given.  So a layer is hashed to its end even where its archive is refused.
 */
#include "layer.h"
#include <stdlib.h>
#include <string.h>

static int read_archive(struct layers *l)
{
	int r;

	while ((r = tar_next(&l->tar)) > 0)
		TRY(entry_read(l));
	return r;
}

static int read_stream(struct layers *l, struct layer_stream *s, const struct descriptor *layer,
		       const struct digest *diff_id)
{
	struct refusal unpack = {0};
	bool zero = true;

	l->tar.in = s;
	l->tar.r = &unpack;
	l->tar.left = l->tar.padding = 0;
	int r = read_archive(l);
#ifdef HRUN_MUTANT_LAYER_DIGEST
	if (!s->failed) {
		*s->r = r < 0 ? unpack : *s->r;
		return r;
	}
#endif
	TRY(stream_finish(s, layer, diff_id, &zero));
	if (r < 0) {
		*s->r = unpack;
		return r;
	}
	return zero ? 0 : refuse(s->r, IMAGE_STAGE_UNPACK, "something follows the end of an archive");
}

static int read_layer(struct layers *l, int layout, const struct descriptor *layer, const struct digest *diff_id,
		      struct refusal *r)
{
	uint64_t left = l->limits->max_total_bytes - l->archive_bytes;
	struct layer_stream s = {.from.fd = -1,
				 .out_max = left < l->limits->max_layer_bytes ? left : l->limits->max_layer_bytes,
				 .max_ratio = l->limits->max_ratio,
				 .progress = l->progress,
				 .done_before = l->blob_bytes,
				 .r = r};
	int result = stream_open(&s, layout, layer);

	if (result >= 0)
		result = read_stream(l, &s, layer, diff_id);
	l->archive_bytes += s.out_total;
	l->blob_bytes += s.in_total;
	stream_close(&s);
	return result;
}

static int tell(struct layers *l, uint32_t kind, struct refusal *r)
{
	struct tree_record record = {.kind = kind};

	if (send_record(&l->sender, record, "", NULL, 0) < 0 || send_flush(&l->sender) < 0)
		return refuse(r, IMAGE_STAGE_UNPACK, "the program that writes the files has ended");
	return 0;
}

int layers_read(struct pool *pool, int layout, const struct descriptor *layers, const struct digest *diff_ids,
		size_t count, const struct layer_limits *limits, int tree, const struct progress *progress,
		struct refusal *r)
{
	struct layers *l = pool_alloc(pool, sizeof *l);

	l->pool = pool;
	l->limits = limits;
	l->progress = progress;
	l->sender.fd = tree;
	for (size_t i = 0; i < count; i++) {
		if (progress)
			*progress->layer = (uint32_t)i + 1;
		l->layer = (uint32_t)i;
		TRY(read_layer(l, layout, &layers[i], &diff_ids[i], r));
		TRY(tell(l, TREE_LAYER_END, r));
	}
	return tell(l, TREE_END, r);
}
