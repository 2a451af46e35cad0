/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rfc3339.c - a time as text, exactly as RFC 3339 has it: "2026-11-22T00:07:15Z", "...15.25+01:00".
 */
#include <errno.h>
#include <hrun/utc.h>
#include <string.h>

/* Two digits, at most MAX; -EINVAL. */
static int two(const char *text, int max)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return -EINVAL;
	int value = (text[0] - '0') * 10 + text[1] - '0';
	return value <= max ? value : -EINVAL;
}

/* "Z" or "+hh:mm", in seconds; the whole rest of the text. */
static int read_zone(const char *text, int *ret_seconds)
{
	*ret_seconds = 0;
	if (text[0] == 'Z')
		return text[1] ? -EINVAL : 0;
	if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 || text[3] != ':')
		return -EINVAL;
	int hours = two(text + 1, 23), minutes = two(text + 4, 59);
	if (hours < 0 || minutes < 0)
		return -EINVAL;
	*ret_seconds = (hours * 60 + minutes) * (text[0] == '+' ? 60 : -60);
	return 0;
}

int rfc3339_read(const char *text, int64_t *ret_seconds)
{
	char date[11] = "";
	int64_t days;
	int zone;

	if (strlen(text) < 20 || text[10] != 'T' || text[13] != ':' || text[16] != ':')
		return -EINVAL;
	memcpy(date, text, 10);
	int hour = two(text + 11, 23), minute = two(text + 14, 59), second = two(text + 17, 59);
	if (utc_days_of_date(date, &days) < 0 || hour < 0 || minute < 0 || second < 0)
		return -EINVAL;
	const char *rest = text + 19;
	if (*rest == '.') {
		size_t digits = strspn(rest + 1, "0123456789");
		if (digits < 1 || digits > 9)
			return -EINVAL;
		rest += 1 + digits;
	}
	if (read_zone(rest, &zone) < 0)
		return -EINVAL;
	*ret_seconds = days * 86400 + hour * 3600 + minute * 60 + second - zone;
	return 0;
}
