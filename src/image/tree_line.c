/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_line.c - one entry of a tree, or one of its attributes, as a line: docs/TREE-DIGEST.md.
 *
 * Two trees that differ never have the same list: each field ends with a blank or the newline, and no field holds either.
 */
#include <hrun/image_tree.h>
#include <hrun/str.h>

static void add(struct image_tree_line *line, const char *text)
{
	size_t size = strlen(text);

	memcpy(line->text + line->size, text, size);
	line->size += size;
}

static void add_number(struct image_tree_line *line, uint64_t number)
{
	char text[24];

	str_format(text, sizeof text, " %llu", (unsigned long long)number);
	add(line, text);
}

/* Printable ASCII but for the backslash stands for itself, every other byte is \xHH. */
static void add_escaped(struct image_tree_line *line, const char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p > ' ' && *p < 0x7f && *p != '\\') {
			line->text[line->size++] = (char)*p;
			continue;
		}
		const char escaped[] = {'\\', 'x', digits[*p >> 4], digits[*p & 15]};
		memcpy(line->text + line->size, escaped, sizeof escaped);
		line->size += sizeof escaped;
	}
}

static void add_digest(struct image_tree_line *line, const unsigned char digest[SHA256_SIZE])
{
	char hex[2 * SHA256_SIZE + 1];

	sha256_hex(digest, hex);
	add(line, " ");
	add(line, hex);
}

static void add_owner(struct image_tree_line *line, const struct tree_record *record)
{
	char mode[16];

	str_format(mode, sizeof mode, " %04o", record->mode);
	add(line, mode);
	add_number(line, record->uid);
	add_number(line, record->gid);
}

static void add_value(struct image_tree_line *line, const struct tree_record *record, const char *extra)
{
	size_t name = strlen(extra) + 1;
	unsigned char digest[SHA256_SIZE];
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, extra + name, record->extra_size - name);
	sha256_end(&hash, digest);
	add_number(line, record->extra_size - name);
	add_digest(line, digest);
}

void image_tree_line_head(struct image_tree_line *line)
{
	line->size = 0;
	add(line, "hrun-tree 1\n");
}

/* An attribute's name is longer than no path, and its value is not in the line. */
static bool is_sound(const struct tree_record *record, const char *path, const char *extra)
{
	bool has_extra = record->kind == TREE_SYMLINK || record->kind == TREE_HARDLINK || record->kind == TREE_XATTR;
	size_t size = strlen(extra);

	if (record->kind > TREE_XATTR || record->mode > 07777 || strlen(path) != record->path_size ||
	    record->path_size >= TREE_PATH_MAX || size >= TREE_PATH_MAX || has_extra != (size > 0))
		return false;
	return record->kind == TREE_XATTR ? size < record->extra_size : size == record->extra_size;
}

int image_tree_line_write(struct image_tree_line *line, const struct tree_record *record, const char *path,
			  const char *extra, const unsigned char content[SHA256_SIZE])
{
	static const char *const letters[] = {"d ", "f ", "l ", "h ", "p ", "c ", "b ", "x "};

	line->size = 0;
	if (!is_sound(record, path, extra))
		return -EPROTO;
	add(line, letters[record->kind]);
	add_escaped(line, record->kind == TREE_XATTR ? extra : *path ? path : ".");
	if (record->kind == TREE_XATTR)
		add_value(line, record, extra);
	else if (record->kind != TREE_HARDLINK)
		add_owner(line, record);
	if (record->kind == TREE_FILE) {
		add_number(line, record->size);
		add_digest(line, content);
	} else if (record->kind == TREE_SYMLINK || record->kind == TREE_HARDLINK) {
		add(line, " ");
		add_escaped(line, extra);
	} else if (record->kind == TREE_CHAR_DEVICE || record->kind == TREE_BLOCK_DEVICE) {
		add_number(line, record->device_major);
		add_number(line, record->device_minor);
	}
	add(line, "\n");
	return 0;
}
