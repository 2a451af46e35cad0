// SPDX-License-Identifier: Apache-2.0
/*
 * split.c - see split.h.
 *
 * Whoever could write the record could put a whole archive into it as bytes that stood there, whatever the files are.  So a
 * content is taken from its file alone, where the archive's header has said that one comes.
 */
#include "split.h"
#include <errno.h>
#include <hrun/base64.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define bad_split(s, ...) ((s)->failed = true, refuse((s)->r, IMAGE_STAGE_LAYER, __VA_ARGS__))

enum { BYTES = '2', CONTENT = '1' };

struct piece {
	char type;
	uint64_t size; /* CONTENT */
	char *payload; /* base64, not terminated */
	size_t payload_size;
};

int split_open(struct layer_stream *s, struct split *split, int fd, uint64_t max_bytes)
{
	struct stat st;

	*split = (struct split){.gz = {.from.fd = -1, .max_ratio = s->max_ratio, .r = s->r}};
	s->split = split;
	s->out_max = max_bytes;
	s->max_ratio = 0;		   /* what is read are files, as large as they are */
	hasher_start(&s->out_hash, false); /* what it would read beside us is read anew at once */
	s->out = malloc(STREAM_OUT);
	split->line = malloc(SPLIT_LINE_MAX); /* memory for it is what lines have really taken */
	if (!s->out || !split->line || stream_start(&split->gz, COMPRESSION_GZIP, false) < 0)
		return bad_split(s, "no memory for a layer's buffers");
	if (file_look(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return bad_split(s, "the engine's record of the archive is no regular file");
	split->gz.from.fd = fd;
	split->gz.from.expected = (uint64_t)st.st_size;
	split->gz.out_max = max_bytes;
	return 0;
}

void split_close(struct layer_stream *s)
{
	s->split->gz.from.fd = -1; /* borrowed */
	stream_close(&s->split->gz);
	free(s->split->line);
	free(s->out);
}

/* ---- lines ---- */

/* The next line in split->line, terminated: its length, 0 at the end, or -EBADMSG. */
static ssize_t next_line(struct layer_stream *s)
{
	struct split *split = s->split;
	const unsigned char *bytes;
	size_t size = 0;

	for (;;) {
		ssize_t n = stream_take(&split->gz, UINT64_MAX, &bytes);
		if (n < 0) {
			s->failed = true;
			return n;
		}
		if (n == 0)
			return size == 0 ? 0 : bad_split(s, "the engine's record of the archive ends in a line");
		const unsigned char *end = memchr(bytes, '\n', (size_t)n);
		size_t part = end ? (size_t)(end - bytes) : (size_t)n;
		if (part >= SPLIT_LINE_MAX - size)
			return bad_split(s, "the engine's record of the archive has a line of more than %d bytes",
					 SPLIT_LINE_MAX);
		memcpy(split->line + size, bytes, part);
		size += part;
		split->line[size] = 0;
		if (end) {
			split->gz.at -= (size_t)n - part - 1; /* what is behind the line is the next one's */
			return size > 0 ? (ssize_t)size
					: bad_split(s, "the engine's record of the archive has an empty line");
		}
	}
}

/* ---- one line, in the one form in which it is written ---- */

static bool skip_text(char **at, const char *text)
{
	size_t size = strlen(text);

	if (strncmp(*at, text, size) != 0)
		return false;
	*at += size;
	return true;
}

/* A string's bytes as they are written, behind the opening quote. */
static bool take_string(char **at, char **ret_text, size_t *ret_size)
{
	char *p = *at;

	for (; *p != '"'; p++) {
		if ((unsigned char)*p < ' ')
			return false;
		if (*p == '\\' && *++p == 0)
			return false;
	}
	*ret_text = *at;
	*ret_size = (size_t)(p - *at);
	*at = p + 1;
	return true;
}

static bool take_number(char **at, uint64_t *ret_value)
{
	size_t size = strspn(*at, "0123456789");
	char digits[24];

	if (size == 0 || size >= sizeof digits)
		return false;
	memcpy(digits, *at, size);
	digits[size] = 0;
	*at += size;
	return str_to_u64(digits, INT64_MAX, ret_value) == 0;
}

static bool read_piece(char *at, struct piece *ret)
{
	uint64_t position;
	char *name;
	size_t size;

	*ret = (struct piece){0};
	if (!skip_text(&at, "{\"type\":") || (*at != BYTES && *at != CONTENT))
		return false;
	ret->type = *at++;
	if (skip_text(&at, ",\"name\":\"") && !take_string(&at, &name, &size))
		return false;
	if (skip_text(&at, ",\"name_raw\":\"") && !take_string(&at, &name, &size))
		return false;
	if (skip_text(&at, ",\"size\":") && !take_number(&at, &ret->size))
		return false;
	if (!skip_text(&at, ",\"payload\":null")) {
		if (!skip_text(&at, ",\"payload\":\"") || !take_string(&at, &ret->payload, &ret->payload_size))
			return false;
	}
	return skip_text(&at, ",\"position\":") && take_number(&at, &position) && str_equal(at, "}");
}

/* The next piece with something in it: 1; 0 at the end, or -EBADMSG.  The payload is decoded where it stands. */
static int next_piece(struct layer_stream *s, struct piece *piece)
{
	do {
		ssize_t n = next_line(s);
		if (n <= 0)
			return (int)n;
		if ((size_t)n != strlen(s->split->line) || !read_piece(s->split->line, piece))
			return bad_split(s, "the engine's record of the archive has a line that is none");
		ssize_t size = base64_read(piece->payload ? piece->payload : "", piece->payload_size,
					   (unsigned char *)piece->payload);
		if (size < 0)
			return bad_split(s, "the engine's record of the archive has bytes that are not base64");
		piece->payload_size = (size_t)size;
	} while (piece->type == BYTES ? piece->payload_size == 0 : piece->size == 0);
	return 1;
}

ssize_t split_fill(struct layer_stream *s)
{
	struct piece piece;
	int r = next_piece(s, &piece);

	if (r <= 0)
		return r;
	if (piece.type != BYTES)
		return bad_split(s, "the engine's record has a file's content where the archive has none");
	s->chunk = (const unsigned char *)piece.payload;
	return (ssize_t)piece.payload_size;
}

/* ---- contents ---- */

/* CRC-64 of ISO 3309, as Go's hash/crc64 has it. */
static uint64_t checksum_add(uint64_t sum, const unsigned char *bytes, size_t size)
{
	static uint64_t table[256];

	for (uint64_t i = 0; !table[255] && i < 256; i++) {
		uint64_t value = i;
		for (int bit = 0; bit < 8; bit++)
			value = value & 1 ? value >> 1 ^ UINT64_C(0xd800000000000000) : value >> 1;
		table[i] = value;
	}
	sum = ~sum;
	for (size_t i = 0; i < size; i++)
		sum = table[(unsigned char)sum ^ bytes[i]] ^ sum >> 8;
	return ~sum;
}

static int check_turn(struct layer_stream *s, uint64_t size, struct piece *piece, const char *path)
{
	int r = s->at == s->have ? next_piece(s, piece) : 1;

	if (r < 0)
		return r;
	if (r == 0 || s->at != s->have || piece->type != CONTENT || piece->size != size || piece->payload_size != 8)
		return bad_split(s, "%.150s: the engine's record of the archive has no such content", path);
	return 0;
}

int split_content(struct layer_stream *s, int fd, uint64_t size, bool sums, const char *path)
{
	struct piece piece = {0};
	uint64_t sum = 0, expected = 0;
	ssize_t n;

	TRY(check_turn(s, size, &piece, path));
	for (size_t i = 0; i < 8; i++)
		expected = expected << 8 | (unsigned char)piece.payload[i];
	for (;;) {
		n = read(fd, s->out, STREAM_OUT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return bad_split(s, "%.150s cannot be read: %s", path, strerror(errno));
		if ((uint64_t)n > size || (n == 0 && size > 0))
			return bad_split(s, "%.150s changes while it is read", path);
		if (n == 0)
			break;
		size -= (uint64_t)n;
		TRY(stream_passed(s, s->out, (size_t)n));
		sum = sums ? checksum_add(sum, s->out, (size_t)n) : 0;
		if (s->progress && s->progress->tell)
			s->progress->tell(s->progress->context, s->done_before + s->out_total);
	}
	if (sums && sum != expected)
		return bad_split(s, "%.150s: its content is not the image's", path);
	return 0;
}

int split_finish(struct layer_stream *s, const struct digest *diff_id)
{
	unsigned char digest[SHA256_SIZE];
	bool zero;

	TRY(stream_drain(s, &zero));
	hasher_end(&s->out_hash, digest);
#ifdef HRUN_MUTANT_COMPARE_DIGEST
	return 0;
#endif
	if (memcmp(digest, diff_id->bytes, sizeof digest) != 0)
		return bad_split(s, "its files and the engine's record of the archive do not give the digest %s",
				 diff_id->text);
	return zero ? 0 : bad_split(s, "something follows the end of the archive");
}
