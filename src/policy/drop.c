/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drop.c - capabilities that the policy file takes from every container.
 *
 * They go before the rules look, so no rule refuses for what nobody gets; and the copy that policy_harden makes loses
 * them before any repair, so that an element's number means the same to the rule and to its repair.
 */
#include <hrun/action.h>
#include <hrun/capability.h>
#include <hrun/str.h>

static bool is_dropped(const char *name, uint64_t bits)
{
	int number = capability_number(name);

	return number >= 0 && bits >> number & 1;
}

/* Those of BITS that PROCESS names in any set. */
static uint64_t named(const struct config_process *process, uint64_t bits)
{
	uint64_t found = 0;

	for (int set = 0; set < CAPS_SETS; set++) {
		for (size_t i = 0; i < process->capabilities[set].count; i++) {
			if (is_dropped(process->capabilities[set].item[i], bits))
				found |= UINT64_C(1) << capability_number(process->capabilities[set].item[i]);
		}
	}
	return found;
}

static void drop_from(struct pool *pool, struct string_list *list, uint64_t bits)
{
	struct string_list kept = {.item = pool_alloc(pool, (list->count + 1) * sizeof *kept.item),
				   .present = list->present};

	for (size_t i = 0; i < list->count; i++) {
		if (!is_dropped(list->item[i], bits))
			kept.item[kept.count++] = list->item[i];
	}
	*list = kept;
}

void process_drop_capabilities(struct pool *pool, struct config_process *process, uint64_t bits)
{
	for (int set = 0; set < CAPS_SETS; set++)
		drop_from(pool, &process->capabilities[set], bits);
}

/* The rule whose words say it: less than was asked for, as little as is needed. */
static const struct rule *rule_of_drop(void)
{
	const struct rule *rule = rule_by_id("caps-not-minimal");

	return rule ? rule : rule_by_id("caps-not-default");
}

static void add_hardenings(const struct judged *judged, struct verdict *verdict)
{
	for (int number = 0; number < 64; number++) {
		if (!(verdict->dropped >> number & 1))
			continue;
		*pool_array_add(judged->pool, verdict->findings, verdict->count) = (struct finding){
			.rule = rule_of_drop(),
			.action = ACTION_HARDEN,
			.would = ACTION_HARDEN,
			.why = WHY_DROPPED,
			.where = "process.capabilities",
			.text = pool_printf(judged->pool, "%s is taken from every set: the policy file drops it",
					    capability_name(number)),
			.value = capability_name(number),
		};
	}
}

void policy_drop_capabilities(struct judged *judged, struct verdict *verdict)
{
	struct pool *pool = judged->pool;
	bool is_of_config = judged->process == judged->config->process;

	if (!judged->policy->drop_capabilities || !judged->process)
		return;
	verdict->dropped = named(judged->process, judged->policy->drop_capabilities);
	if (!verdict->dropped)
		return;
	struct config_process *process = pool_alloc(pool, sizeof *process);
	struct config *config = pool_alloc(pool, sizeof *config);
	*process = *judged->process;
	*config = *judged->config;
	process_drop_capabilities(pool, process, verdict->dropped);
	if (is_of_config)
		config->process = process;
	judged->process = process;
	judged->config = config;
	add_hardenings(judged, verdict);
}
