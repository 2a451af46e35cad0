/* SPDX-License-Identifier: Apache-2.0 */
/*
 * find.h - the parts of find.c: what containerd's documents say of a name, and, where they cannot be read, its own labels.
 */
#ifndef HRUN_IMAGE_FIND_H
#define HRUN_IMAGE_FIND_H

#include "bolt.h"
#include "image.h"

/* ---- find_snapshot.c ---- */
enum { FIND_NAMESPACE_MAX = 128 };
struct find_snapshot {
	struct digest chain; /* of the image's diff_ids; empty: the snapshot is of no image */
	char namespace[FIND_NAMESPACE_MAX];
};
/* The snapshot of REQUEST, in the snapshotter's database.  0, -EBADMSG where it is damaged, or a refusal in R. */
int find_snapshot(struct bolt *b, const struct image_request *request, struct find_snapshot *ret, struct refusal *r);

/* ---- find_documents.c ---- */
enum {
	FIND_DEPTH_MAX = 4,	     /* indexes in indexes, and the manifest */
	FIND_TARGET_DOCUMENTS = 256, /* that are asked for because of one target, */
	FIND_TARGET_BYTES = 8 << 20, /* and read */
	FIND_DOCUMENTS_MAX = 20000,  /* of all targets */
	FIND_BYTES_MAX = 64 << 20,
};

/* Indexes from the target down, and the manifest. */
struct find_way {
	struct digest document[FIND_DEPTH_MAX];
	size_t count;
};

struct find_documents {
	int files;	   /* see blob_open */
	const char *chain; /* the image whose layers are these is looked for */
	/* What was asked for and read already; zero to begin with. */
	size_t documents, bytes;
	/* Gets each manifest that has the layers; negative ends it all. */
	int (*take)(void *context, const struct find_way *way, const struct digest *config);
	void *context;
};

/*
 * All that the image DIGEST of the type MEDIA_TYPE leads to, for whatever platform: 0, or what TAKE has ended with.  *ret_why: NULL, or
 * (from POOL) what of it cannot be read as containerd may read it; then nobody can tell by this what else it leads to.
 */
int find_documents(struct find_documents *f, struct pool *pool, const char *digest, const char *media_type,
		   const char **ret_why);

/* ---- find_labels.c ---- */
/* containerd's labels on its blobs: what each holds on to, and the snapshot that was unpacked of a config. */
struct find_labels {
	struct find_label *item;
	size_t count;
};
/* Those of NAMESPACE, with the snapshots of SNAPSHOTTER: 0 or -EBADMSG.  They stay as long as the database's pool. */
int find_labels_read(struct bolt *b, const char *namespace, const char *snapshotter, struct find_labels *ret);

/* As what was a document, or something below it, unpacked?  What is more certain of CHAIN comes later. */
enum find_unpacked {
	FIND_NEVER,	/* not at all by this snapshotter, as far as is known */
	FIND_ELSEWHERE, /* as other layers */
	FIND_HERE,	/* as CHAIN */
};
/* Once, before find_unpacked: what all documents were unpacked as.  POOL: for as long as this takes. */
void find_labels_judge(struct find_labels *labels, struct pool *pool, const char *chain);
enum find_unpacked find_unpacked(const struct find_labels *labels, const char *digest);

#endif
