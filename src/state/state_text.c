/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_text.c - the state object as hooks get it.
 */
#include <assert.h>
#include <hrun/container.h>
#include <hrun/json.h>
#include <string.h>

void container_state_split(struct pool *pool, const struct container_record *record, const char *status,
			   const char *ret_text[2])
{
	static const char mark[] = "\"pid\":";
	struct json_out out = {.pool = pool};

	container_state_json(&out, record, status, 0);
	/* The first one is the member: quotes inside the strings before it are escaped. */
	char *pid = strstr(out.text, mark);
	assert(pid);
	pid += sizeof mark - 1;
	ret_text[0] = pool_strndup(pool, out.text, (size_t)(pid - out.text));
	ret_text[1] = pool_strdup(pool, pid + strspn(pid, "0123456789"));
}

void container_process_state_split(struct pool *pool, const struct container_record *record, const char *status,
				   const char *metadata, const char *ret_text[3])
{
	struct json_out first = {.pool = pool}, middle = {.pool = pool};
	const char *state[2];

	container_state_split(pool, record, status, state);
	json_out_raw(&first, "{\"ociVersion\":");
	json_out_string(&first, record->oci_version);
	json_out_raw(&first, ",\"fds\":[\"seccompFd\"],\"pid\":");
	if (metadata) {
		json_out_raw(&middle, ",\"metadata\":");
		json_out_string(&middle, metadata);
	}
	json_out_raw(&middle, ",\"state\":");
	json_out_raw(&middle, state[0]);
	ret_text[0] = first.text;
	ret_text[1] = middle.text;
	ret_text[2] = pool_printf(pool, "%s}", state[1]);
}
