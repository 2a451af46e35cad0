/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.c - a profile's program with its judgement: kept, or made.
 */
#include <hrun/fd.h>
#include <hrun/filter_cache.h>
#include <hrun/filter_compile.h>
#include <hrun/filter_program.h>

static int make(struct pool *pool, const struct config_seccomp *seccomp, struct filter_program *program, struct err *e)
{
	TRY(filter_compile_apart(pool, seccomp, &program->program, &program->length, e));
	filter_judge(pool, program->program, program->length, &program->judgement);
	for (size_t i = 0; i < seccomp->syscall_count; i++) {
		const struct string_list *names = &seccomp->syscalls[i].names;
		for (size_t k = 0; k < names->count; k++)
			program->judgement.unknown_names += !filter_knows_call(names->item[k]);
	}
	return 0;
}

int filter_program_get(struct pool *pool, const struct config_seccomp *seccomp, const char *cache_dir,
		       struct filter_program *ret_program, struct err *e)
{
	struct filter_key key;

	autofd int cache = cache_dir ? filter_cache_open(cache_dir) : -ENOENT;
	if (cache < 0)
		return make(pool, seccomp, ret_program, e);
	filter_cache_key(seccomp, &key);
	if (filter_cache_read(pool, cache, &key, ret_program))
		return 0;
	TRY(make(pool, seccomp, ret_program, e));
	filter_cache_write(cache, &key, ret_program);
	return 0;
}
