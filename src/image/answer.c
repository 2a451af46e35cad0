/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - words of an answer, and the answer as JSON.
 */
#include <hrun/image.h>
#include <hrun/policy_images.h>
#include <hrun/str.h>
#include <stdarg.h>
#include <stdio.h>

void image_reject(struct image_result *result, enum image_stage stage, const char *format, ...)
{
	struct image_answer *answer = &result->answer;
	va_list list;

	answer->version = IMAGE_WIRE_VERSION;
	answer->done = 1;
	answer->verdict = IMAGE_REJECT;
	answer->stage = stage;
	va_start(list, format);
	vsnprintf(answer->reason, sizeof answer->reason, format, list);
	va_end(list);
	str_remove_controls(answer->reason);
	answer->config_size = 0;
	answer->devices = (struct image_devices){0};
	result->config = NULL;
	result->config_size = 0;
}

const char *image_verdict_name(uint32_t verdict)
{
	static const char *const names[] = {"accept", "reject", "malformed", "layers-unread"};

	return verdict < sizeof names / sizeof *names ? names[verdict] : "reject";
}

const char *image_stage_name(uint32_t stage)
{
	static const char *const names[] = {"",		"index",  "signature", "policy",
					    "manifest", "config", "layer",     "unpack"};

	return stage < sizeof names / sizeof *names ? names[stage] : "";
}

static void add(struct json_out *out, const char *before, const char *value)
{
	json_out_raw(out, before);
	if (value[0])
		json_out_string(out, value);
	else
		json_out_raw(out, "null");
}

static void add_signature(struct json_out *out, const struct image_signature *s)
{
	add(out, "{\"scheme\":", image_scheme_name((enum image_scheme)s->scheme));
	add(out, ",\"format\":", s->format);
	add(out, ",\"key\":", s->key);
	add(out, ",\"identity\":", s->identity);
	json_out_raw(out, s->ok ? ",\"ok\":true" : ",\"ok\":false");
	add(out, ",\"reason\":", s->reason);
	json_out_raw(out, "}");
}

static void add_devices(struct json_out *out, const struct image_devices *devices)
{
	json_out_printf(out, ",\"devices\":{\"dropped\":%u", devices->count);
	add(out, ",\"first\":", devices->first);
	json_out_raw(out, "}");
}

void image_answer_write(struct json_out *out, const struct image_answer *answer)
{
	add(out, "{\"verdict\":", image_verdict_name(answer->verdict));
	add(out, ",\"stage\":", image_stage_name(answer->stage));
	add(out, ",\"reason\":", answer->reason);
	add(out, ",\"imageDigest\":", answer->image_digest);
	add(out, ",\"manifestDigest\":", answer->manifest_digest);
	add(out, ",\"configDigest\":", answer->config_digest);
	json_out_raw(out, ",\"signatures\":[");
	for (uint32_t i = 0; i < answer->signature_count; i++) {
		json_out_raw(out, i ? "," : "");
		add_signature(out, &answer->signatures[i]);
	}
	json_out_raw(out, "]");
	add_devices(out, &answer->devices);
	json_out_raw(out, "}");
}
