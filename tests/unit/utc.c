/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utc.c - dates against gmtime_r(3): every day of 800 years, and the edges of a day.
 */
#include <hrun/utc.h>
#include <stdio.h>
#include <string.h>

static int check(time_t second)
{
	struct timespec time = {.tv_sec = second, .tv_nsec = 42};
	char expected[UTC_TEXT_SIZE], text[UTC_TEXT_SIZE];
	struct tm tm;

	gmtime_r(&second, &tm);
	strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000000042Z", &tm);
	utc_text(&time, text, sizeof text);
	if (strcmp(text, expected) == 0)
		return 0;
	printf("%lld: %s, expected %s\n", (long long)second, text, expected);
	return 1;
}

/* The date of each of those days gives the day back. */
static int check_date(int64_t day)
{
	char text[UTC_TEXT_SIZE];
	int64_t again;

	utc_date_text(day, text, sizeof text);
	if (utc_days_of_date(text, &again) == 0 && again == day)
		return 0;
	printf("day %lld: %s\n", (long long)day, text);
	return 1;
}

int main(void)
{
	int failures = 0;

	for (int64_t day = -146097; day <= 2932896 && failures < 10; day++) /* 9999-12-31 */
		failures += check_date(day);

	for (time_t day = -146097; day <= 146097 && failures < 10; day++)
		failures += check(day * 86400) + check(day * 86400 + 86399) + check(day * 86400 + 3661);
	return failures != 0;
}
