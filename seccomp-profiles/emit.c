/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.c - a profile -> a balanced tree over ranges of numbers with the same decision.
 *
 * Numbers that nobody names, those of x32 (0x40000000 and up) and -1 among them, lie in
 * ranges of their own that get the default.
 */
#include "emit.h"
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NUMBER = 1024, MAX_ENTRIES = 64, NO_LABEL = BPF_MAXINSNS };

/* What happens to one call: the entries in order, then the last word. */
struct decision {
	struct decision_entry {
		const struct profile_rule *rule;
		uint64_t any_of; /* 0 where the variant has answered that already */
	} entries[MAX_ENTRIES];
	size_t count;
	uint32_t last;
};

struct range {
	uint32_t first;
	struct decision decision;
};

/* The program of one ABI while it grows. */
struct tree {
	struct code *code;
	struct range *ranges;
	size_t *labels; /* of each range's decision, NO_LABEL where it has not been put */
	size_t count;
};

uint64_t emit_relevant(const struct profile *profile)
{
	uint64_t relevant = 0;

	for (size_t i = 0; i < profile->rule_count; i++)
		relevant |= profile->rules[i].any_of;
	return relevant;
}

static bool names(const struct profile_rule *rule, uint32_t arch, int number)
{
	for (size_t i = 0; i < rule->name_count; i++) {
		if (profile_number(arch, rule->names[i]) == number)
			return true;
	}
	return false;
}

static void add_entry(struct decision *decision, const struct profile_rule *rule, uint64_t any_of)
{
	if (decision->count == MAX_ENTRIES)
		die("too many entries for %s", rule->names[0]);
	decision->entries[decision->count++] = (struct decision_entry){rule, any_of};
}

/* Entries whose action is the last word anyway say nothing at the end. */
static void drop_idle(struct decision *decision)
{
	while (decision->count && decision->entries[decision->count - 1].rule->action == decision->last)
		decision->count--;
}

static struct decision decide(const struct profile *profile, uint32_t arch, int number, const struct variant *variant)
{
	struct decision decision = {.last = profile->default_action};

	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct profile_rule *rule = &profile->rules[i];
		if (!names(rule, arch, number))
			continue;
		if (!variant->general && rule->any_of && !(rule->any_of & variant->capabilities))
			continue;
		uint64_t any_of = variant->general ? rule->any_of : 0;
		if (!any_of && !rule->arg_count) {
			decision.last = rule->action;
			break;
		}
		add_entry(&decision, rule, any_of);
	}
	drop_idle(&decision);
	return decision;
}

static bool same_args(const struct profile_rule *a, const struct profile_rule *b)
{
	if (a->arg_count != b->arg_count)
		return false;
	for (size_t i = 0; i < a->arg_count; i++) {
		const struct profile_arg *x = &a->args[i], *y = &b->args[i];
		if (x->index != y->index || x->op != y->op || x->value != y->value || x->value_two != y->value_two)
			return false;
	}
	return true;
}

static bool same_decision(const struct decision *a, const struct decision *b)
{
	if (a->last != b->last || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct decision_entry *x = &a->entries[i], *y = &b->entries[i];
		if (x->any_of != y->any_of || x->rule->action != y->rule->action || !same_args(x->rule, y->rule))
			return false;
	}
	return true;
}

static size_t fill_ranges(const struct profile *profile, uint32_t arch, const struct variant *variant,
			  struct range *ranges)
{
	size_t count = 0;

	for (int number = 0; number <= MAX_NUMBER; number++) {
		struct decision decision = decide(profile, arch, number, variant);
		if (count == 0 || !same_decision(&ranges[count - 1].decision, &decision))
			ranges[count++] = (struct range){(uint32_t)number, decision};
	}
	const struct decision *end = &ranges[count - 1].decision;
	if (end->count || end->last != profile->default_action)
		die("a number is above %d", MAX_NUMBER);
	return count;
}

/* Without a capability an entry is jumped over. */
static size_t put_gate(struct code *code, uint64_t any_of, size_t entry, size_t next)
{
	uint32_t with = (uint32_t)(entry - code->top), without = (uint32_t)(next - code->top);

	size_t label = code_put(code, BPF_JMP | BPF_JA, without);
	code_patch(code, any_of, with, without);
	return label;
}

static size_t put_entries(struct code *code, const struct decision *decision)
{
	size_t next = code_return(code, decision->last);

	for (size_t i = decision->count; i-- > 0;) {
		const struct decision_entry *entry = &decision->entries[i];
		size_t label = code_return(code, entry->rule->action);
		for (size_t a = entry->rule->arg_count; a-- > 0;)
			label = emit_arg(code, &entry->rule->args[a], label, next);
		next = entry->any_of ? put_gate(code, entry->any_of, label, next) : label;
	}
	return next;
}

static size_t put_decision(struct code *code, const struct decision *decision)
{
	const struct decision_entry *only = decision->count == 1 ? &decision->entries[0] : NULL;

	if (!only || only->rule->arg_count)
		return put_entries(code, decision);
	/* A whole call that hangs on a capability: one instruction, in two forms. */
	size_t label = code_put(code, BPF_RET | BPF_K, decision->last);
	code_patch(code, only->any_of, only->rule->action, decision->last);
	return label;
}

/* Ranges with the same decision share its instructions while they are in easy reach. */
static size_t leaf(struct tree *tree, size_t i)
{
	const struct decision *decision = &tree->ranges[i].decision;

	if (decision->count == 0)
		return code_return(tree->code, decision->last);
	for (size_t k = 0; k < tree->count; k++) {
		if (tree->labels[k] != NO_LABEL && tree->labels[k] - tree->code->top < 200 &&
		    same_decision(&tree->ranges[k].decision, decision))
			return tree->labels[k];
	}
	return tree->labels[i] = put_decision(tree->code, decision);
}

/* The ranges [from, to). */
static size_t put_tree(struct tree *tree, size_t from, size_t to)
{
	if (to - from == 1)
		return leaf(tree, from);
	size_t middle = from + (to - from) / 2;
	size_t high = put_tree(tree, middle, to);
	size_t low = put_tree(tree, from, middle);
	return code_jump(tree->code, BPF_JGE, tree->ranges[middle].first, high, low);
}

static size_t put_arch(const struct profile *profile, uint32_t arch, const struct variant *variant, struct code *code)
{
	static struct range ranges[MAX_NUMBER + 1];
	static size_t labels[MAX_NUMBER + 1];
	struct tree tree = {code, ranges, labels, fill_ranges(profile, arch, variant, ranges)};

	for (size_t i = 0; i < tree.count; i++)
		labels[i] = NO_LABEL;
	size_t root = put_tree(&tree, 0, tree.count);
	if (root != code->top)
		code_put(code, BPF_JMP | BPF_JA, (uint32_t)(root - code->top));
	return code_put(code, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
}

void emit_program(const struct profile *profile, const uint32_t *archs, size_t arch_count,
		  const struct variant *variant, struct code *ret_code)
{
	size_t trees[PROFILE_ARCHS];

	*ret_code = (struct code){.top = BPF_MAXINSNS};
	for (size_t i = arch_count; i-- > 0;)
		trees[i] = put_arch(profile, archs[i], variant, ret_code);
	size_t next = code_put(ret_code, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	for (size_t i = arch_count; i-- > 0;)
		next = code_jump(ret_code, BPF_JEQ, archs[i], trees[i], next);
	code_put(ret_code, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
}
