/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field.h - config.json as tables: one table an object, one row a member.
 *
 * The tables drive the reader, and whoever must know every field of the
 * specification (features, the fuzzer's dictionary, the completeness test).
 */
#ifndef HRUN_FIELD_H
#define HRUN_FIELD_H

#include <hrun/config.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind {
	FIELD_STRING,	/* const char * */
	FIELD_BOOL,	/* bool */
	FIELD_U32,	/* uint32_t; the plain numbers are 0 where absent */
	FIELD_U64,	/* uint64_t */
	FIELD_I64,	/* int64_t */
	FIELD_OPT_BOOL, /* struct opt_bool and so on */
	FIELD_OPT_I32,
	FIELD_OPT_I64,
	FIELD_OPT_U32,
	FIELD_OPT_U64,
	FIELD_STRINGS, /* struct string_list */
	FIELD_U32S,    /* uint32_t *, count at count_offset */
	FIELD_MAP,     /* struct string_map: any name, string values */
	FIELD_OBJECT,  /* members at offset inside of the struct itself */
	FIELD_POINTER, /* pointer to a struct of its own, NULL where absent */
	FIELD_LIST,    /* array of table->size, count at count_offset */
	FIELD_NAMED,   /* like FIELD_LIST, from an object with any names; the name goes to the element's first member */
	FIELD_FOREIGN, /* another platform's section: noted, not read */
};

struct field_table;
struct field {
	const char *name;
	enum field_kind kind;
	bool required;	       /* refused where absent, null or empty */
	const char *rule;      /* by which a required one is refused; NULL: required-field-missing */
	size_t offset;	       /* of the value in the struct */
	size_t count_offset;   /* of the list's size_t count */
	size_t present_offset; /* of a bool that is set where the member is there; 0: none */
	size_t max_count;      /* list-too-long above; 0: as long as the document allows */
	int64_t min;	       /* numbers, both inclusive; 0, 0: all that the type holds */
	uint64_t max;
	const struct field_table *table; /* of FIELD_OBJECT, POINTER, LIST, NAMED */
};

struct field_table {
	size_t size; /* of the struct that the rows fill */
	const struct field *fields;
	size_t count;
};

#define FIELD_TABLE(type, rows)                                                                   \
	{                                                                                         \
		.size = sizeof(type), .fields = (rows), .count = sizeof(rows) / sizeof((rows)[0]) \
	}

/* Rows of lists, behind their name. */
#define FIELD_ARRAY(type, items, number, sub_table) \
	FIELD_LIST, .offset = offsetof(type, items), .count_offset = offsetof(type, number), .table = &(sub_table)
#define FIELD_ID_MAPPINGS(type, member)                                        \
	FIELD_ARRAY(type, member.item, member.count, config_id_mapping_table), \
		.present_offset = offsetof(type, member.present), .max_count = 340

extern const struct field_table config_table, config_process_table, config_linux_table, config_seccomp_table,
	config_resources_table, config_id_mapping_table;

/* What reading collects beside the struct; notes may be NULL. */
struct field_notes {
	struct string_list *foreign_sections;
	struct config_unknown **unknown;
	size_t *unknown_count;
};

/*
 * Read OBJECT into the zeroed struct at BASE by TABLE.  Refuses (-EINVAL and
 * *ret_error): wrong types, numbers out of range, names that differ from a known
 * one by case only, missing required members, lists that are too long.
 */
int field_read(struct pool *pool, const struct field_table *table, const struct json *object, void *base,
	       const struct field_notes *notes, struct json_error *ret_error);

/*
 * Change OBJECT, a private copy (json_edit.h) of what BEFORE was read from, so that it says what AFTER says.  AFTER is a
 * changed copy of BEFORE: elements of lists are recognised by the strings that both share.
 */
void field_edit(struct pool *pool, const struct field_table *table, struct json *object, const void *before,
		const void *after);

#endif
