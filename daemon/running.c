/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/running.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/log.h"

#define HEADING	  "# weft: what was running; made from a file with hash "
#define PATH_SIZE 256

/* The hash of the file's text; 0 when it cannot be read. */
static uint64_t hash_of(const char *file)
{
	FILE *f = *file ? fopen(file, "re") : NULL;
	uint64_t hash = 0;
	char *text = NULL;
	size_t size = 0;

	if (!f)
		return 0;
	if (getdelim(&text, &size, '\0', f) > 0)
		hash = hash_text(text);
	free(text);
	fclose(f);
	return hash;
}

static void path_of(const char *run_dir, const char *suffix, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/running.yaml%s", run_dir, suffix);
}

void running_mark(struct weftd *d, const char *text)
{
	uint64_t hash = hash_of(d->config_file);

	if (!text || hash_text(text) == hash)
		d->file_hash = hash;
}

void running_save(const struct weftd *d)
{
	char path[PATH_SIZE], temp[PATH_SIZE];
	FILE *f;
	bool ok;

	path_of(d->run_dir, "", path);
	path_of(d->run_dir, ".new", temp);
	f = fopen(temp, "we");
	if (!f)
		goto err_log;
	fprintf(f, HEADING "%016" PRIx64 "\n", d->file_hash);
	config_print(d->config, false, f);
	ok = !ferror(f);
	if (fclose(f) == 0 && ok && rename(temp, path) == 0)
		return;
	unlink(temp);
err_log:
	log_warn(LOG_CONFIG, "cannot write %s: %s; edits would not survive a crash", path,
		 strerror(errno));
}

void running_remove(const struct weftd *d)
{
	char path[PATH_SIZE];

	path_of(d->run_dir, "", path);
	unlink(path);
}

static bool was_made_from(const char *path, const char *file)
{
	FILE *f = fopen(path, "re");
	uint64_t hash = 0;
	bool same;

	if (!f)
		return false;
	same = fscanf(f, HEADING "%" SCNx64, &hash) == 1 && hash == hash_of(file);
	fclose(f);
	return same;
}

struct config *running_load(const char *file, const char *run_dir, struct config_errors *errs)
{
	struct config *c = config_load(file, true, errs), *running = NULL;
	struct config_errors ignored;
	char path[PATH_SIZE];

	if (!c)
		return NULL;
	path_of(run_dir ? run_dir : c->sw.run_dir, "", path);
	if (was_made_from(path, file))
		running = config_load(path, false, &ignored);
	if (!running)
		return c;
	config_free(c);
	log_info(LOG_CONFIG, "an earlier weftd died; going on with what it ran file=%s", path);
	return running;
}

void running_sweep(const struct weftd *d)
{
	char path[PATH_SIZE], socket[PATH_SIZE + CONFIG_NAME_MAX];
	struct config_errors errs;
	struct config *c;
	struct stat st;

	path_of(d->run_dir, "", path);
	c = config_load(path, false, &errs);
	for (unsigned i = 0; c && i < c->n_ports; i++) {
		const struct config_port *p = &c->ports[i];

		if (p->kind != PORT_VHOST_USER || !p->vhost.path_derived ||
		    p->vhost.mode != VHOST_MODE_SERVER)
			continue;
		snprintf(socket, sizeof(socket), "%s/%s.sock", d->run_dir, p->name);
		if (lstat(socket, &st) == 0 && S_ISSOCK(st.st_mode))
			unlink(socket);
	}
	config_free(c);
}
