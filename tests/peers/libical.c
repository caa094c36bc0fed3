/* How long libical takes from a calendar's text to its occurrences.
 *
 *     libical FILE FROM UNTIL TIMES
 *
 * FROM and UNTIL as in RFC 5545: 20250101T000000Z. Prints {"seconds": [...], "occurrences": ...}. Overridden occurrences
 * count twice: icalcomponent_foreach_recurrence knows nothing of them, and nobody is asked here who is right.
 */

#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void count(icalcomponent *event, struct icaltime_span *span, void *occurrences)
{
    (void)event;
    (void)span;
    ++*(long *)occurrences;
}

static char *whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        return NULL;
    long size = ftell(file);
    char *text = size < 0 ? NULL : malloc((size_t)size + 1);
    if (text) {
        rewind(file);
        text[fread(text, 1, (size_t)size, file)] = '\0';
    }
    fclose(file);
    return text;
}

int main(int arguments, char **argument)
{
    char *text = arguments == 5 ? whole(argument[1]) : NULL;
    if (!text) {
        fprintf(stderr, "libical FILE FROM UNTIL TIMES\n");
        return 1;
    }
    struct icaltimetype from = icaltime_from_string(argument[2]), until = icaltime_from_string(argument[3]);
    long occurrences = 0;
    printf("{\"seconds\": [");
    for (int time = 0; time < atoi(argument[4]); time++) {
        struct timespec began, ended;
        clock_gettime(CLOCK_MONOTONIC, &began);
        occurrences = 0;
        icalcomponent *calendar = icalparser_parse_string(text);
        icalcomponent *event = icalcomponent_get_first_component(calendar, ICAL_VEVENT_COMPONENT);
        for (; event; event = icalcomponent_get_next_component(calendar, ICAL_VEVENT_COMPONENT))
            icalcomponent_foreach_recurrence(event, from, until, count, &occurrences);
        icalcomponent_free(calendar);
        clock_gettime(CLOCK_MONOTONIC, &ended);
        double seconds = (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9;
        printf("%s%f", time ? ", " : "", seconds);
    }
    printf("], \"occurrences\": %ld}\n", occurrences);
    free(text);
    return 0;
}
