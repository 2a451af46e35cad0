/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utc.c - the date of a second since 1970.
 *
 * gmtime_r(3) does as much, but reads the machine's time zone first (/etc/localtime).
 */
#include <errno.h>
#include <hrun/str.h>
#include <hrun/utc.h>

enum { DAY = 86400, DAYS_IN_400_YEARS = 146097, MARCH_OF_YEAR_0_TO_1970 = 719468 };

/* Days since 1970-01-01 to the Gregorian date; years begin in March here, so that a leap day is a year's last. */
static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
	days += MARCH_OF_YEAR_0_TO_1970;
	int64_t era = (days >= 0 ? days : days - DAYS_IN_400_YEARS + 1) / DAYS_IN_400_YEARS;
	int day_of_era = (int)(days - era * DAYS_IN_400_YEARS);
	int leaps = day_of_era / 1460 - day_of_era / 36524 + day_of_era / (DAYS_IN_400_YEARS - 1);
	int year_of_era = (day_of_era - leaps) / 365;
	int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	/* From March on, five months have 153 days: 31, 30, 31, 30, 31. */
	int months_since_march = (5 * day_of_year + 2) / 153;

	*day = day_of_year - (153 * months_since_march + 2) / 5 + 1;
	*month = months_since_march < 10 ? months_since_march + 3 : months_since_march - 9;
	*year = year_of_era + era * 400 + (*month <= 2);
}

void utc_text(const struct timespec *time, char *ret_text, size_t size)
{
	int64_t days = time->tv_sec / DAY, year;
	int second = (int)(time->tv_sec % DAY), month, day;

	if (second < 0) {
		second += DAY;
		days--;
	}
	date_of(days, &year, &month, &day);
	str_format(ret_text, size, "%04lld-%02d-%02dT%02d:%02d:%02d.%09ldZ", (long long)year, month, day, second / 3600,
		   second / 60 % 60, second % 60, time->tv_nsec);
}

int64_t utc_today(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec / DAY;
}

void utc_date_text(int64_t days, char *ret_text, size_t size)
{
	int64_t year;
	int month, day;

	date_of(days, &year, &month, &day);
	str_format(ret_text, size, "%04lld-%02d-%02d", (long long)year, month, day);
}

/* The number of COUNT digits at TEXT, or -1. */
static int digits(const char *text, int count)
{
	int number = 0;

	for (int i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		number = 10 * number + (text[i] - '0');
	}
	return number;
}

/* The inverse of date_of. */
static int64_t days_of(int year, int month, int day)
{
	int march_year = month > 2 ? year : year - 1, months_since_march = (month + 9) % 12;

	return (int64_t)365 * march_year + march_year / 4 - march_year / 100 + march_year / 400 +
	       (153 * months_since_march + 2) / 5 + day - 1 - MARCH_OF_YEAR_0_TO_1970;
}

int utc_days_of_date(const char *text, int64_t *ret_days)
{
	static const int days_of_month[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (strnlen(text, 11) != 10 || text[4] != '-' || text[7] != '-')
		return -EINVAL;
	int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
	if (year < 1 || month < 1 || month > 12 || day < 1)
		return -EINVAL;
	bool leap_day = month == 2 && day == 29 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (day > days_of_month[month - 1] && !leap_day)
		return -EINVAL;
	*ret_days = days_of(year, month, day);
	return 0;
}
