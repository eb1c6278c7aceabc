#include "raised.h"

const struct finding *raised_in(const struct findings *set, enum finding_id id)
{
    size_t count;
    const struct finding *all = findings_all(set, &count);
    for (size_t i = 0; i < count; i++)
        if (id == FINDING_IDS || all[i].id == id)
            return &all[i];
    return NULL;
}

size_t number_in(const struct findings *set)
{
    size_t count;
    (void)findings_all(set, &count);
    return count;
}

void none_in(const struct findings *set)
{
    const struct finding *f = raised_in(set, FINDING_IDS);
    if (f != NULL)
        fail_msg("%s was raised: %s", finding_name(f->id), f->title);
}

void graded(const struct finding *f, enum severity severity, enum confidence confidence, uint32_t error)
{
    assert_non_null(f);
    assert_string_equal(severity_name(f->severity), severity_name(severity));
    assert_string_equal(confidence_name(f->confidence), confidence_name(confidence));
    assert_int_equal(f->client_error, error);
}

const struct finding *only_in(const struct findings *set, enum finding_id id, enum severity severity,
                              enum confidence confidence, uint32_t error)
{
    const struct finding *f = raised_in(set, id);
    if (f == NULL)
        fail_msg("%s was not raised", finding_name(id));
    graded(f, severity, confidence, error);
    assert_int_equal(number_in(set), 1);
    assert_true(f->evidence_count > 0);
    assert_true(f->title[0] != '\0' && f->explanation[0] != '\0');
    assert_true(f->fix_count > 0 || severity == SEVERITY_INFO);
    return f;
}

bool says(const struct finding *f, const char *word)
{
    bool said = strstr(f->title, word) != NULL || strstr(f->explanation, word) != NULL;
    for (size_t i = 0; i < f->fix_count; i++)
        said = said || strstr(f->fix[i], word) != NULL;
    return said;
}
