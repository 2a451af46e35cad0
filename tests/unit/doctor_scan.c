/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor_scan.c - the files of engines, as the doctor reads them: what is found, and the line at which it stops.
 */
#include "check.h"
#include <hrun/doctor_look.h>
#include <hrun/str.h>

struct row {
	const char *text;
	const char *path[SCAN_DEPTH];
	const char *value;    /* of that path; list items with commas between; NULL: there is none */
	unsigned int stopped; /* at this line */
};

static const struct row rows[] = {
	{"", {"a"}, NULL, 0},
	{"a = \"b\"", {"a"}, "b", 0},
	{"a='b'\r\n", {"a"}, "b", 0},
	{"# a = \"no\"\n\ta = \"b\" # and why\n", {"a"}, "b", 0},
	{"[engine]\nruntime = \"hrun\"\n", {"engine", "runtime"}, "hrun", 0},
	{"[ engine . runtimes ]\nhrun = [\"/bin/hrun\"]\n", {"engine", "runtimes", "hrun"}, "/bin/hrun", 0},
	{"[plugins.\"io.containerd.grpc.v1.cri\".x]\ny = \"z\"\n",
	 {"plugins", "io.containerd.grpc.v1.cri", "x", "y"},
	 "z",
	 0},
	{"[plugins.'a.b']\n'c.d' = 'e'\n", {"plugins", "a.b", "c.d"}, "e", 0},
	{"[a]\nb.c = \"d\"\n", {"a", "b", "c"}, "d", 0},
	{"l = [\n  \"a\", # one\n\n  'b',\n]\nz = \"after\"\n", {"l"}, "a,b", 0},
	{"l = [\n  \"a\", # one\n\n  'b',\n]\nz = \"after\"\n", {"z"}, "after", 0},
	{"l = []\n", {"l"}, "", 0},
	/* stepped over, with what they hold */
	{"n = 5\nt = true\nd = 2026-11-22T00:00:00Z\na = \"b\"\n", {"a"}, "b", 0},
	{"n = 5\n", {"n"}, NULL, 0},
	{"x = { a = \"]\", b = [1, 2] }\na = \"b\"\n", {"a"}, "b", 0},
	{"x = [1, [2, \"]\"],\n3]\na = \"b\"\n", {"a"}, "b", 0},
	{"x = [[\"a\"], [\"b\"]]\na = \"b\"\n", {"a"}, "b", 0},
	{"[[t]]\na = \"1\"\n[[t]]\na = \"2\"\n", {"t", "a"}, "2", 0},
	/* strings */
	{"a = \"q\\\"\\\\\"\n", {"a"}, "q\"\\", 0},
	{"a = 'q\\'\n", {"a"}, "q\\", 0},
	{"a = \"#\"\n", {"a"}, "#", 0},
	{"a = \"\\u0041\"\nb = \"c\"\n", {"b"}, NULL, 1},
	{"a = \"\"\"\nb = \"c\"\n\"\"\"\n", {"b"}, NULL, 1},
	{"a = '''\nb = 'c'\n'''\n", {"b"}, NULL, 1},
	{"a = \"\"\n", {"a"}, "", 0},
	/* nothing behind what is not understood */
	{"a = \"1\"\na = \"open\nb = \"c\"\n", {"b"}, NULL, 2},
	{"a = \"1\"\na = \"open\nb = \"c\"\n", {"a"}, "1", 2},
	{"a\nb = \"c\"\n", {"b"}, NULL, 1},
	{"a =\nb = \"c\"\n", {"b"}, NULL, 1},
	{"a = \"b\" \"c\"\n", {"x"}, NULL, 1},
	{"[a\nb = \"c\"\n", {"a", "b"}, NULL, 1},
	{"[a] b = \"c\"\n", {"a", "b"}, NULL, 1},
	{"[]\nb = \"c\"\n", {"b"}, NULL, 1},
	{"x = [\"a\"\nb = \"c\"\n", {"b"}, NULL, 3},
	{"= \"c\"\n", {"b"}, NULL, 1},
	{"a.b.c.d.e.f.g.h.i.j.k.l.m = \"too deep\"\n", {"a"}, NULL, 1},
	{"\n\n\n%\n", {"a"}, NULL, 4},
};

static bool value_is(const struct scan_entry *entry, const char *value)
{
	char text[256] = "";
	size_t length = 0;

	if (!entry || !entry->items)
		return value == NULL;
	for (size_t i = 0; i < entry->item_count; i++) {
		int n = str_format(text + length, sizeof text - length, "%s%s", i ? "," : "", entry->items[i]);
		length += n < 0 ? 0 : (size_t)n;
	}
	return value && str_equal(text, value);
}

int main(void)
{
	struct pool pool = {0};
	struct scan scan;
	static const char *const any[] = {"r", "*", "p", NULL}, *const shorter[] = {"r", "*", NULL};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		doctor_scan(&pool, rows[i].text, &scan);
		CHECK(scan.stopped == rows[i].stopped, "%s: stopped at %u", rows[i].text, scan.stopped);
		CHECK(value_is(scan_find(&scan, rows[i].path), rows[i].value), "%s", rows[i].text);
	}
	doctor_scan(&pool, "[r.one]\np = \"1\"\n[r.two]\np = \"2\"\nq = [\"3\"]\n", &scan);
	CHECK(scan.entry_count == 3);
	CHECK(str_equal(scan_string(scan_find(&scan, any)), "2"));
	CHECK(!scan_find(&scan, shorter));
	CHECK(!scan_string(&scan.entries[2]), "a list is no string");
	CHECK(doctor_has_word("cpu io\tmemory\n", "memory") && !doctor_has_word("cpuset", "cpu") &&
	      !doctor_has_word("", "cpu"));
	pool_free(&pool);
	return failures != 0;
}
