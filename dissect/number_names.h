/* For the files that give numbers their names. */
#ifndef VS_DISSECT_NUMBER_NAMES_H
#define VS_DISSECT_NUMBER_NAMES_H

/* One row of a .def file, in a switch; the file ends what it is defined as. */
#define NUMBER_NAME(number, name)                                                                                      \
    case number:                                                                                                       \
        return name;

/* Where the numbers are few and small: the name in a table with their places, NULL beyond it and in its gaps. */
#define NAME_IN(table, value) ((value) < sizeof(table) / sizeof *(table) ? (table)[value] : NULL)

#endif
