/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus.c - a connection to systemd, directly or by a message bus, on which nothing waits longer than the request allows.
 */
#include "scope.h"
#include <errno.h>
#include <hrun/err.h>
#include <hrun/str.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { US_PER_MS = 1000, US_PER_S = 1000000 };

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / 1000;
}

/* 0: it is over. */
static uint64_t left_us(const struct talk *t)
{
	uint64_t now = now_us();

	return now < t->deadline_us ? t->deadline_us - now : 0;
}

static int is_late(struct talk *t, const char *what)
{
	return talk_fail(t, ETIMEDOUT, "systemd %s within %u s; it may hang: look with systemctl status", what,
			 (t->request.timeout_ms + 999) / 1000);
}

static int is_lost(struct talk *t, int r)
{
	if (r == -ETIMEDOUT)
		return is_late(t, "has not answered");
	return talk_fail(t, -r, "the connection to systemd is lost: %s", strerror(-r));
}

int bus_begin(struct talk *t, int fd)
{
	t->deadline_us = now_us() + (uint64_t)t->request.timeout_ms * US_PER_MS;
	int r = sd_bus_new(&t->bus);
	if (r >= 0)
		r = sd_bus_set_fd(t->bus, fd, fd);
	if (r >= 0)
		r = sd_bus_set_bus_client(t->bus, !t->request.direct);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(t->bus, (uint64_t)t->request.timeout_ms * US_PER_MS);
	if (r >= 0)
		r = sd_bus_start(t->bus);
	return r < 0 ? talk_fail(t, -r, "no talk with systemd can begin: %s", strerror(-r)) : 0;
}

/* One step of whatever is to be done; waits only where there is nothing. */
static int step(struct talk *t, const char *what)
{
	int r = sd_bus_process(t->bus, NULL);

	if (r != 0)
		return r < 0 ? is_lost(t, r) : 0;
	if (left_us(t) == 0)
		return is_late(t, what);
	r = sd_bus_wait(t->bus, left_us(t));
	return r < 0 && r != -EINTR ? is_lost(t, r) : 0;
}

/* JobRemoved(u id, o job, s unit, s result), of every job that ends meanwhile. */
static int job_removed(sd_bus_message *message, void *context, sd_bus_error *error)
{
	struct talk *t = context;
	const char *job, *unit, *result;
	uint32_t id;

	(void)error;
	if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) < 0)
		return 0;
	/* Signals are handed out only in step(), so one that was faster than the answer that names the job is not lost. */
	if (t->job && str_equal(job, t->job))
		str_format(t->result, sizeof t->result, "%s", result);
	return 0;
}

/* A bus passes signals on only to who asks for them; systemd sends them only while somebody has subscribed. */
static int subscribe(struct talk *t)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL;
	const char *sender = t->request.direct ? NULL : SYSTEMD_NAME;
	int r = sd_bus_match_signal(t->bus, NULL, sender, SYSTEMD_PATH, MANAGER, "JobRemoved", job_removed, t);

	if (r < 0)
		return is_lost(t, r);
	if (t->request.direct)
		return 0;
	TRY(bus_new_call(t, "Subscribe", &call));
	r = bus_call(t, call, &error, NULL);
	if (r < 0)
		talk_fail(t, -r, "systemd does not take subscribers: %s", error.message ? error.message : strerror(-r));
	sd_bus_error_free(&error);
	return r;
}

int bus_greet(struct talk *t)
{
	int r;

	while ((r = sd_bus_is_ready(t->bus)) == 0)
		TRY(step(t, "has not greeted back"));
	if (r < 0)
		return is_lost(t, r);
	return t->request.task == SCOPE_SET ? 0 : subscribe(t);
}

int bus_new_call(struct talk *t, const char *method, sd_bus_message **ret)
{
	int r = sd_bus_message_new_method_call(t->bus, ret, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER, method);

	return r < 0 ? is_lost(t, r) : 0;
}

int bus_new_unit_call(struct talk *t, const char *path, const char *method, sd_bus_message **ret)
{
	int r = sd_bus_message_new_method_call(t->bus, ret, SYSTEMD_NAME, path, UNIT, method);

	return r < 0 ? is_lost(t, r) : 0;
}

int bus_call(struct talk *t, sd_bus_message *call, sd_bus_error *error, sd_bus_message **ret)
{
	uint64_t left = left_us(t);
	int r = left ? sd_bus_call(t->bus, call, left, error, ret) : -ETIMEDOUT;

	sd_bus_message_unref(call);
	/* What systemd itself answers has a name of its own; the rest is about the connection. */
	if (r == -ETIMEDOUT || sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) ||
	    (r < 0 && sd_bus_is_open(t->bus) <= 0))
		return is_lost(t, r);
	return r < 0 ? r : 0;
}

static int get_property(struct talk *t, const char *path, const char *interface, const char *name, sd_bus_error *error,
			sd_bus_message **ret)
{
	sd_bus_message *call = NULL;
	int r = sd_bus_message_new_method_call(t->bus, &call, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties",
					       "Get");

	if (r >= 0)
		r = sd_bus_message_append(call, "ss", interface, name);
	if (r >= 0)
		return bus_call(t, call, error, ret);
	sd_bus_message_unref(call);
	return r;
}

static int end_property(struct talk *t, int r, const char *name, sd_bus_error *error, sd_bus_message *reply)
{
	if (r < 0)
		talk_fail(t, -r, "systemd does not tell %s: %s", name, error->message ? error->message : strerror(-r));
	sd_bus_message_unref(reply);
	sd_bus_error_free(error);
	return r < 0 ? r : 0;
}

int bus_property(struct talk *t, const char *path, const char *interface, const char *name, char *text, size_t size)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *value;
	int r = get_property(t, path, interface, name, &error, &reply);

	if (r >= 0)
		r = sd_bus_message_read(reply, "v", "s", &value);
	if (r >= 0)
		r = str_format(text, size, "%s", value);
	return end_property(t, r, name, &error, reply);
}

/* A variant that holds 16 bytes; fewer, more or none are no id. */
static int read_id(sd_bus_message *reply, sd_id128_t *ret)
{
	const void *bytes;
	size_t size;

	TRY(sd_bus_message_enter_container(reply, 'v', "ay"));
	TRY(sd_bus_message_read_array(reply, 'y', &bytes, &size));
	if (size != sizeof *ret)
		return -EBADMSG;
	memcpy(ret, bytes, size);
	return 0;
}

int bus_invocation(struct talk *t, const char *path, char text[SCOPE_INVOCATION_SIZE])
{
	static const char name[] = "InvocationID";
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	sd_id128_t id = SD_ID128_NULL;
	int r = get_property(t, path, UNIT, name, &error, &reply);

	if (r >= 0)
		r = read_id(reply, &id);
	if (r >= 0)
		sd_id128_to_string(id, text);
	return end_property(t, r, name, &error, reply);
}

int bus_wait_job(struct talk *t, sd_bus_message *reply)
{
	t->result[0] = '\0';
	if (sd_bus_message_read(reply, "o", &t->job) < 0)
		return talk_fail(t, EPROTO, "systemd names no job in its answer");
	while (!t->result[0])
		TRY(step(t, "has not ended the job"));
	t->job = NULL;
	if (str_equal(t->result, "done"))
		return 0;
	return talk_fail(t, EIO, "systemd's job for unit %s has ended as `%s`; see journalctl -u %s", t->request.unit,
			 t->result, t->request.unit);
}
