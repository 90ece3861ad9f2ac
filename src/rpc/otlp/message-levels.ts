/**
 * Levels of messages that a request may have before it cannot be read at all; the library's own bound is 100, which some 30 levels of
 * an attribute reach. So much deeper, a value is refused by the limit on nesting, which is per event, and the other events of the
 * request are stored. There has to be a bound, because reading is recursive.
 */
export const messageLevelsMax = 1000;
