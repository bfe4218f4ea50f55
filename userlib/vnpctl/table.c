// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <stdarg.h>

#include "ctl.h"

#define COLUMNS_MAX	24

/* The cells of the first row are the column names */
struct table {
	int columns;
	bool left[COLUMNS_MAX];
	int width[COLUMNS_MAX];
	char **cells;
	size_t cnt;
};

static void cell_add(struct table *table, char *cell)
{
	int column = table->cnt % table->columns;
	char **cells;

	cells = realloc(table->cells, (table->cnt + 1) * sizeof(*cells));
	if (!cell || !cells) {
		fprintf(stderr, "Error: out of memory.\n");
		exit(1);
	}
	table->cells = cells;
	cells[table->cnt++] = cell;
	if ((int)strlen(cell) > table->width[column])
		table->width[column] = strlen(cell);
}

struct table *table_new(const char *columns)
{
	struct table *table = calloc(1, sizeof(*table));
	const char *word;
	size_t len;

	if (!table) {
		fprintf(stderr, "Error: out of memory.\n");
		exit(1);
	}
	for (word = columns; *word; word += strcspn(word, " "), word += *word == ' ')
		table->left[table->columns++] = *word == '-';
	for (word = columns; *word; word += len, word += *word == ' ') {
		len = strcspn(word, " ");
		cell_add(table, strndup(word + (*word == '-'), len - (*word == '-')));
	}
	return table;
}

void table_add(struct table *table, const char *fmt, ...)
{
	char cell[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(cell, sizeof(cell), fmt, args);
	va_end(args);
	cell_add(table, strdup(cell));
}

/* There are no spaces at the end of the line. */
static void row_print(const struct table *table, size_t first)
{
	int i, width, spaces = 0, len;

	for (i = 0; i < table->columns; i++) {
		const char *cell = table->cells[first + i];

		width = table->width[i];
		len = strlen(cell);
		while (len && cell[len - 1] == ' ')
			len--;
		if (!table->left[i])
			spaces += width - len;
		if (len)
			printf("%*s%.*s", spaces, "", len, cell);
		spaces = len ? 2 : spaces + 2;
		if (table->left[i])
			spaces += width - len;
	}
	putchar('\n');
}

void table_print(struct table *table, const char *empty)
{
	size_t i;

	if (table->cnt <= (size_t)table->columns)
		printf("%s\n", empty);
	else
		for (i = 0; i < table->cnt; i += table->columns)
			row_print(table, i);
	table_free(table);
}

void table_free(struct table *table)
{
	size_t i;

	for (i = 0; i < table->cnt; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

int list_print(int err, struct json_object *list, struct table *table,
	       const char *empty)
{
	if (err != -ENOENT) {
		json_object_put(list);
		table_free(table);
		return ids_failed(err);
	}
	if (settings.json) {
		json_print(list);
		table_free(table);
	} else {
		table_print(table, empty);
		json_object_put(list);
	}
	return 0;
}
