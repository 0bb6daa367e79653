/* bounce_verbs.h - what `ringpost bounce WHAT` can do. argv[0] is WHAT; each returns an exit code.
 */
#ifndef TOOLS_BOUNCE_VERBS_H
#define TOOLS_BOUNCE_VERBS_H

int bounce_verbs_decisions(int argc, char **argv); /* bounce_decisions.c */
int bounce_verbs_ingest(int argc, char **argv);    /* bounce_ingest.c */
int bounce_verbs_read(int argc, char **argv);      /* bounce_read.c */
int bounce_verbs_replies(int argc, char **argv);   /* cmd_bounce.c */

#endif
