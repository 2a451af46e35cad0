/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_builtin.c - the built-in profile for exactly the capabilities that a container can have.
 *
 * Nothing is compiled here: a program is chosen, and in the general one the marked
 * instructions get the form that the capabilities ask for.
 */
#include <assert.h>
#include <hrun/builtin_filter.h>
#include <hrun/str.h>

static const struct builtin_filter *choose(const char *profile, uint32_t arch, uint64_t capabilities)
{
	for (size_t i = 0; i < builtin_filter_count; i++) {
		const struct builtin_filter *filter = &builtin_filters[i];
		if (filter->arch != arch || !str_equal(filter->profile, profile))
			continue;
		if (filter->general || filter->capabilities == (capabilities & filter->relevant))
			return filter;
	}
	return NULL;
}

static const struct sock_filter *patched(struct pool *pool, const struct builtin_filter *filter, uint64_t capabilities)
{
	if (filter->patch_count == 0)
		return filter->program;
	struct sock_filter *program = pool_alloc(pool, filter->length * sizeof *program);
	memcpy(program, filter->program, filter->length * sizeof *program);
	for (size_t i = 0; i < filter->patch_count; i++) {
		const struct builtin_patch *patch = &filter->patches[i];
		assert(patch->index < filter->length);
		program[patch->index].k = patch->any_of & capabilities ? patch->with : patch->without;
	}
	return program;
}

int builtin_filter_get(struct pool *pool, const char *profile, uint32_t arch, uint64_t capabilities,
		       struct filter_plan *ret_filter, struct err *e)
{
#ifdef HRUN_MUTANT_FILTER_CAPABILITIES
	capabilities = UINT64_MAX;
#endif
	const struct builtin_filter *filter = choose(profile, arch, capabilities);

	if (!filter)
		return err_set(e, ENOENT, "no built-in seccomp profile %s for this architecture", profile);
	*ret_filter = (struct filter_plan){
		.program = patched(pool, filter, capabilities),
		.length = filter->length,
		.name = profile,
		.default_action = filter->default_action,
		.where = pool_printf(pool, "seccomp-profiles/%s", profile),
	};
	return 0;
}
