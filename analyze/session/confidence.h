/* How sure a judgement is (wire-facts' evidence grades). */
#ifndef VS_ANALYZE_CONFIDENCE_H
#define VS_ANALYZE_CONFIDENCE_H

/* certain: the bytes prove it; strong: one other benign cause at most, rare; hint: worth a line, never a verdict. */
enum confidence { CONFIDENCE_CERTAIN, CONFIDENCE_STRONG, CONFIDENCE_HINT };

#endif
