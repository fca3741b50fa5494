/*
 * The page's words in the language of the browser, English where there is no translation.
 */

import * as german from "./strings.de.js";
import * as english from "./strings.en.js";

const { words, locale } = navigator.language.toLowerCase().startsWith("de") ? german : english;

export { locale, words as strings };
