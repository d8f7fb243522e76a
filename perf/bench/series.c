/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/bench/series.h"

#include <errno.h>
#include <string.h>

#include "common/jsonx.h"
#include "common/util.h"
#include "perf/stats.h"

struct metric {
	const char *name;
	bool less_is_better;
};

static const struct metric results[] = {
	{"Mpps", false},  {"Gb/s", false}, {"GB/s", false},   {"ratio", false},
	{"cycles", true}, {"us", true},	   {"percent", true},
};

static const struct metric *metric_of(const struct series *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(results); i++)
		if (!strcmp(results[i].name, s->metric))
			return &results[i];
	return NULL;
}

bool series_less_is_better(const struct series *s)
{
	const struct metric *m = metric_of(s);

	return m && m->less_is_better;
}

bool series_is_result(const struct series *s)
{
	return metric_of(s) != NULL;
}

bool series_is_control(const struct series *s)
{
	return strcmp(s->subject, SERIES_SUBJECT) != 0;
}

const struct series *series_find(const struct series_set *set, const char *row, const char *subject,
				 const char *metric)
{
	for (unsigned i = 0; i < set->n; i++) {
		const struct series *s = &set->all[i];

		if (!strcmp(s->row, row) && !strcmp(s->subject, subject) &&
		    !strcmp(s->metric, metric))
			return s;
	}
	return NULL;
}

double series_median(const struct series *s)
{
	struct stats_summary summary;

	stats_summarize(s->values, s->n, 0.95, &summary);
	return summary.median;
}

int series_add(struct series_set *set, const char *row, const char *subject, const char *metric,
	       double value, struct err *e)
{
	struct series *s = (struct series *)series_find(set, row, subject, metric);

	if (!s) {
		if (set->n == SERIES_MAX)
			return err_set(e, ENOSPC, "more than %d series: measure fewer rows",
				       SERIES_MAX);
		s = &set->all[set->n++];
		*s = (struct series){0};
		snprintf(s->row, sizeof(s->row), "%s", row);
		snprintf(s->subject, sizeof(s->subject), "%s", subject);
		snprintf(s->metric, sizeof(s->metric), "%s", metric);
	}
	if (s->n < RANKSUM_VALUES_MAX)
		s->values[s->n++] = value;
	return 0;
}

int series_read(struct series_set *set, FILE *in, struct err *e)
{
	char line[256], row[SERIES_NAME_MAX], subject[SERIES_NAME_MAX], metric[SERIES_NAME_MAX];
	unsigned number = 0;
	double value;
	int ret;

	while (fgets(line, sizeof(line), in)) {
		number++;
		if (sscanf(line, "%47[^\t]\t%47[^\t]\t%47[^\t]\t%lf", row, subject, metric,
			   &value) != 4)
			return err_set(e, EINVAL,
				       "line %u: row, subject, metric and value are wanted, "
				       "separated by tabs",
				       number);
		ret = series_add(set, row, subject, metric, value, e);
		if (ret)
			return ret;
	}
	return 0;
}

static json_t *one_to_json(const struct series *s)
{
	struct stats_summary summary;
	json_t *values = json_array();

	stats_summarize(s->values, s->n, 0.95, &summary);
	for (unsigned i = 0; i < s->n; i++)
		json_array_append_new(values, json_real(s->values[i]));
	return json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:o}", "row", s->row, "subject",
			 s->subject, "metric", s->metric, "median", summary.median, "min",
			 summary.min, "max", summary.max, "values", values);
}

json_t *series_to_json(const struct series_set *set, json_t *environment)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < set->n; i++)
		json_array_append_new(all, one_to_json(&set->all[i]));
	return json_pack("{s:i, s:O*, s:o}", "schema_version", SERIES_SCHEMA_VERSION, "environment",
			 environment, "series", all);
}

int series_from_json(struct series_set *set, const json_t *json, struct err *e)
{
	const json_t *all = json_object_get(json, "series");
	json_t *one, *value;
	size_t i, k;

	*set = (struct series_set){0};
	if (jsonx_int(json, "schema_version", 0) != SERIES_SCHEMA_VERSION || !json_is_array(all))
		return err_set(e, EINVAL,
			       "not a benchmark's results.json of version %d: measure again",
			       SERIES_SCHEMA_VERSION);
	json_array_foreach (all, i, one)
		json_array_foreach (json_object_get(one, "values"), k, value) {
			int ret = series_add(set, jsonx_string(one, "row", "?"),
					     jsonx_string(one, "subject", "?"),
					     jsonx_string(one, "metric", "?"),
					     json_number_value(value), e);

			if (ret)
				return ret;
		}
	return 0;
}
